import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probePlate } from '@understudy/media';

import { drawClip } from './clip.js';
import { SAMPLE_PLATE } from './sample.js';
import { speak } from './voice.js';
import { planPerformance } from './performance.js';

const TINY = {
  ...SAMPLE_PLATE,
  width: 320,
  height: 180,
  frames: 12,
  cast: SAMPLE_PLATE.cast.map((casting) => ({
    ...casting,
    x: casting.x / 4,
    y: casting.y / 4,
    unitPx: casting.unitPx / 4,
  })),
};

describe('drawClip', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drawn-clip-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('writes every frame, with voices', async () => {
    const out = join(folder, 'clip.mp4');
    const truth = await drawClip({ ...TINY, out });
    const plate = await probePlate(out);
    expect(truth.frames).toHaveLength(12);
    expect(plate.frameCount).toBe(12);
    expect(plate.isConstantRate).toBe(true);
    expect(plate.audio).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['clip.mp4']);
  });

  it('leaves nothing behind when stopped', async () => {
    const stop = new AbortController();
    const out = join(folder, 'clip.mp4');
    const onProgress = (drawn: number): void => {
      if (drawn === 2) stop.abort(new Error('enough'));
    };
    await expect(drawClip({ ...TINY, out, signal: stop.signal, onProgress })).rejects.toThrow('enough');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('speak', () => {
  it('sounds while a syllable lasts, on its speaker’s side, and is silent between', () => {
    const performance = {
      ...planPerformance({ seed: 1, durationS: 1, pitchHz: 120 }),
      syllables: [{ startS: 0.2, durationS: 0.2, open: 0.8, round: 0, pitchHz: 120 }],
    };
    const samples = speak([{ performance, pan: -0.8 }], 1);
    const loudness = (fromS: number, toS: number, side: 0 | 1): number => {
      let sum = 0;
      for (let index = Math.round(fromS * 48_000); index < toS * 48_000; index += 1)
        sum += (samples[index * 2 + side] ?? 0) ** 2;
      return Math.sqrt(sum / ((toS - fromS) * 48_000));
    };
    expect(samples).toHaveLength(96_000);
    expect(loudness(0.25, 0.35, 0)).toBeGreaterThan(0.01);
    expect(loudness(0.25, 0.35, 0)).toBeGreaterThan(3 * loudness(0.25, 0.35, 1));
    expect(loudness(0.5, 1, 0)).toBe(0);
    expect(samples.every((sample) => Math.abs(sample) < 1)).toBe(true);
  });
});
