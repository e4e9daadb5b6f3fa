import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';

import { SAMPLE_PLATE } from './sample.js';
import { Scene, type SceneOptions } from './scene.js';
import type { Box, FaceTruth } from './truth.js';

const SMALL: SceneOptions = {
  ...SAMPLE_PLATE,
  width: 426,
  height: 240,
  cast: SAMPLE_PLATE.cast.map((casting) => ({
    ...casting,
    x: casting.x / 3,
    y: casting.y / 3,
    unitPx: casting.unitPx / 3,
  })),
};

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('the sample plate', () => {
  let truths: FaceTruth[][];
  const of = (frame: number, face: number): FaceTruth => {
    const truth = truths[frame]?.[face];
    if (!truth) throw new RangeError(`no face ${face} in frame ${frame}`);
    return truth;
  };
  const boxes = (face: number): Box[] =>
    truths.map((_, frame) => {
      const { box } = of(frame, face);
      if (!box) throw new RangeError(`frame ${frame} has no face ${face}`);
      return box;
    });

  beforeAll(async () => {
    const scene = await Scene.open(SAMPLE_PLATE);
    truths = Array.from({ length: SAMPLE_PLATE.frames }, (_, index) => scene.truthAt(index));
  });

  it('keeps all points of both faces inside the picture and inside or near their boxes', () => {
    for (const face of [0, 1]) {
      boxes(face).forEach((box, frame) => {
        for (const [x, y] of of(frame, face).landmarks) {
          expect(x).toBeGreaterThanOrEqual(box.x - 0.02);
          expect(x).toBeLessThanOrEqual(box.x + box.width + 0.02);
          expect(y).toBeGreaterThanOrEqual(box.y - 0.02);
          expect(y).toBeLessThanOrEqual(box.y + box.height + 0.02);
        }
        expect(box.x).toBeGreaterThan(0);
        expect(box.y).toBeGreaterThan(0);
        expect(box.x + box.width).toBeLessThan(SAMPLE_PLATE.width);
        expect(box.y + box.height).toBeLessThan(SAMPLE_PLATE.height);
      });
    }
  });

  it('has faces of 180 to 260 pixels that never touch', () => {
    const [left, right] = [boxes(0), boxes(1)];
    left.forEach((box, frame) => {
      const other = right[frame];
      if (!other) throw new RangeError('both faces are in every frame');
      expect(box.x + box.width).toBeLessThan(other.x - 100);
      for (const { height } of [box, other]) {
        expect(height).toBeGreaterThan(180);
        expect(height).toBeLessThan(260);
      }
    });
  });

  it('has both performers turn, talk and blink', () => {
    for (const face of [0, 1]) {
      const all = truths.map((_, frame) => of(frame, face));
      const yaws = all.map(({ yaw }) => yaw);
      expect(Math.max(...yaws)).toBeGreaterThan(10);
      expect(Math.min(...yaws)).toBeLessThan(-10);
      expect(Math.max(...yaws.map(Math.abs))).toBeLessThanOrEqual(20);
      expect(Math.max(...all.map(({ mouthOpening }) => mouthOpening))).toBeGreaterThan(0.7);
      expect(all.filter(({ mouthOpening }) => mouthOpening === 0).length).toBeGreaterThan(10);
      expect(all.filter(({ blink }) => blink > 0.9).length).toBeGreaterThanOrEqual(2);
    }
    const together = truths.filter((_, frame) => of(frame, 0).mouthOpening > 0.2 && of(frame, 1).mouthOpening > 0.2);
    expect(together.length).toBeGreaterThan(30);
  });

  it('moves smoothly: no point jumps more than the width of an eye from frame to frame', () => {
    for (const face of [0, 1]) {
      for (let frame = 1; frame < truths.length; frame += 1) {
        of(frame, face).landmarks.forEach(([x, y], index) => {
          const [px, py] = of(frame - 1, face).landmarks[index] ?? [x, y];
          expect(Math.hypot(x - px, y - py)).toBeLessThan(24);
        });
      }
    }
  });
});

describe('drawing', () => {
  it('gives the same bytes for a frame, alone or in order, and the truth without drawing', async () => {
    const scene = await Scene.open({ ...SMALL, frames: 4 });
    const alone = await (await Scene.open({ ...SMALL, frames: 4 })).draw(3);
    const hashes: string[] = [];
    for await (const { picture } of scene.frames()) hashes.push(hashOf(picture.data));
    expect(hashes).toHaveLength(4);
    expect(new Set(hashes).size).toBe(4);
    expect(hashOf(alone.picture.data)).toBe(hashes[3]);
    expect(alone.faces).toEqual(scene.truthAt(3));
  });

  it('stops when told to', async () => {
    const scene = await Scene.open({ ...SMALL, frames: 50 });
    const stop = new AbortController();
    let drawn = 0;
    const run = async (): Promise<void> => {
      for await (const _ of scene.frames(stop.signal)) {
        drawn += 1;
        stop.abort(new Error('enough'));
      }
    };
    await expect(run()).rejects.toThrow('enough');
    expect(drawn).toBeLessThan(4);
  });
});
