import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { addGenerated } from '../../test/graphs.js';
import { faceRightOf, seenLeftOf } from '../../test/mask-graphs.js';
import { rampFrame } from '../../test/ramps.js';
import { openFaceMasks, seenOver } from './seen-face.js';

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'understudy-seen-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

/** 68 points whose eyes, nose and mouth are those of an upright face around this place. */
function landmarksAt(x: number, y: number): number[] {
  const points = Array.from({ length: 68 }, () => [x, y]);
  const set = (indices: readonly number[], u: number, v: number) =>
    indices.forEach((i) => (points[i] = [x + u, y + v]));
  set([36, 37, 38, 39, 40, 41], -20, -18);
  set([42, 43, 44, 45, 46, 47], 20, -18);
  set([48, 60], -16, 26);
  set([54, 64], 16, 26);
  return points.flat();
}

const BOX = { x: 150, y: 100, width: 100, height: 100 };

test('what an occlusion and a region network let be seen, over any part of the plate', async () => {
  // Red is 20 + x / 2: seen left of 210 for the one, face right of 180 for the other.
  const occlusion = await addGenerated(dataDir, 'xseg', seenLeftOf(125));
  const regions = await addGenerated(dataDir, 'bisenet', faceRightOf(110));
  const columns = async (packs: Parameters<typeof openFaceMasks>[0]) => {
    const masks = await openFaceMasks(packs);
    const seen = await masks!.seenIn(rampFrame(400, 300), landmarksAt(200, 150));
    await masks!.release();
    const over = seenOver(seen, BOX, 50, 50);
    return [165, 191, 230].map((x) => over[25 * 50 + Math.floor((x - BOX.x) / 2)]!);
  };
  const rounded = (values: readonly number[]) => values.map((value) => Math.round(20 * value) / 20);
  expect(rounded(await columns({ occlusion }))).toEqual([1, 1, 0]);
  expect(rounded(await columns({ regions }))).toEqual([0, 1, 1]);
  expect(rounded(await columns({ occlusion, regions }))).toEqual([0, 1, 0]);
});

test('nothing is opened where no network is asked for, and another role is refused', async () => {
  expect(await openFaceMasks({})).toBeUndefined();
  const occlusion = await addGenerated(dataDir, 'xseg', seenLeftOf(125));
  await expect(openFaceMasks({ regions: occlusion })).rejects.toMatchObject({ code: 'PACK_CONTRACT_MISMATCH' });
});
