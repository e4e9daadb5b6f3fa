import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Frame } from '@understudy/frame';
import { probePlate } from '@understudy/media';
import type { Box } from '@understudy/sample';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DrawnInputs, drawInputs } from './drawn-inputs.js';
import { eachFramePair } from './regions.js';
import { makeFolder, understudy } from './understudy.js';

const FRAMES = 8;
const run = promisify(execFile);

describe('a 10-bit plate', () => {
  let inputs: DrawnInputs;
  let dir: string;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    ({ dir, remove } = await makeFolder());
    inputs = await drawInputs(dir, FRAMES);
  });
  afterAll(() => remove());

  it.each([
    ['plate-420.mp4', 'yuv420p10le', ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '0']],
    ['plate-422.mov', 'yuv422p10le', ['-c:v', 'prores_ks', '-profile:v', '3']],
  ])(
    '%s stays one through a whole lane: every sample outside the face, and its low bits',
    async (name, format, coding) => {
      const plate = join(dir, name);
      // Smoothed in ten bits: the drawn eight have nothing below them.
      const picture = `scale=out_range=limited,format=${format},gblur=sigma=0.7`;
      const tags = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'];
      await run('ffmpeg', [
        '-v',
        'error',
        '-i',
        inputs.plate,
        '-vf',
        picture,
        ...coding,
        ...tags,
        '-c:a',
        'copy',
        plate,
      ]);
      const out = join(dir, `output-${name}`);
      const result = await understudy([
        ...['render', '--target', plate, '--identity', inputs.identity, '--plate-face', inputs.first],
        ...['--consent', inputs.consent, '--out', out, '--lossless', '--json', '--lanes', '1', '--shard-frames', '4'],
      ]);
      expect(result.stderr).not.toMatch(/^error/m);
      expect((await probePlate(out)).video).toMatchObject({ sourceFormat: format, format });
      const face = { changed: 0, low: 0 };
      const around = { low: 0, samples: 0 };
      const compared = await eachFramePair(plate, out, (before, after, frame) => {
        const [first, second] = inputs.truth.frames[frame] ?? [];
        if (!first?.box || !second?.box) throw new Error('the sample has two faces in every frame');
        count(before, after, first.box, face);
        // From between the two to the picture's right edge: not one sample of any plane differs.
        const left = (first.box.x + first.box.width + second.box.x) / 2;
        const apart = differing(before, after, left, around);
        expect(apart, `frame ${frame}`).toBe(0);
      });
      expect(compared).toBe(FRAMES);
      expect(face.changed / FRAMES).toBeGreaterThan(1000);
      // Were they eight bits made wide, none would have low bits; of ten bits it is three in four.
      expect(face.low / face.changed).toBeGreaterThan(0.6);
      expect(around.low / around.samples).toBeGreaterThan(0.2);
    },
  );
});

/** Changed luma samples in a box, and those of them that no 8-bit number gives. */
function count(before: Frame, after: Frame, box: Box, sums: { changed: number; low: number }): void {
  const { width } = after.spec;
  for (let y = Math.floor(box.y); y < box.y + box.height; y++) {
    for (let x = Math.floor(box.x); x < box.x + box.width; x++) {
      const sample = after.planes[0].samples[y * width + x]!;
      if (sample === before.planes[0].samples[y * width + x]) continue;
      sums.changed += 1;
      if (sample % 4 !== 0) sums.low += 1;
    }
  }
}

/** Samples of all planes right of a column of the picture that differ; counts on the way those with low bits. */
function differing(before: Frame, after: Frame, left: number, sums: { low: number; samples: number }): number {
  let differ = 0;
  after.planes.forEach(({ width, samples }, index) => {
    const from = Math.ceil((left * width) / after.spec.width);
    samples.forEach((sample, at) => {
      if (at % width < from) return;
      sums.samples += 1;
      if (sample % 4 !== 0) sums.low += 1;
      if (sample !== before.planes[index]!.samples[at]) differ += 1;
    });
  });
  return differ;
}
