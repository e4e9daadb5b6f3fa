import type { Frame } from '@understudy/frame';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ADA, BEN, type Placement, drawFrame } from '../../test/drawn-face.js';
import { openTestModels } from '../../test/open-models.js';
import type { FaceModels } from '../analyse.js';
import { wholeWindows } from '../detect/windows.js';
import { cosine } from './cosine.js';
import { decodeEmbedding, encodeEmbedding } from './embedding-text.js';
import { similarityBetween } from './similarity.js';

let models: FaceModels;
beforeAll(async () => {
  models = await openTestModels();
});
afterAll(() => models.release());

async function identity(frame: Frame): Promise<Float32Array> {
  const { width, height } = frame.spec;
  const [face] = await models.detector.detect(frame, wholeWindows(width, height), 0.7);
  if (face === undefined) throw new Error('the drawn face is not found');
  return models.embedder.embed(frame, (await models.landmarker.locate(frame, face.box)).landmarks);
}

const ada: Placement = { x: 320, y: 220, scale: 1, look: ADA };

test('one person moved, turned, enlarged or in another pixel format stays the same person', async () => {
  const reference = await identity(await drawFrame([ada]));
  const others = [
    await drawFrame([{ ...ada, x: 250.5, y: 260.5, scale: 1.3 }]),
    await drawFrame([{ ...ada, roll: 30 }]),
    await drawFrame([{ ...ada, mouth: 0.4 }]),
    await drawFrame([ada], { width: 640, height: 480, format: 'gbrp10le', matrix: 'gbr', range: 'pc' }),
    await drawFrame([ada], { width: 640, height: 480, format: 'yuv422p10le', matrix: 'bt2020nc', range: 'tv' }),
  ];
  for (const frame of others) expect(cosine(reference, await identity(frame))).toBeGreaterThan(0.85);
  expect(cosine(reference, await identity(await drawFrame([{ ...ada, look: BEN }])))).toBeLessThan(0.5);
});

test('an embedding has length 1 and survives its text form bit for bit', async () => {
  const embedding = await identity(await drawFrame([ada]));
  expect(embedding).toHaveLength(512);
  expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
  expect(decodeEmbedding(encodeEmbedding(embedding))).toEqual(embedding);
  expect(() => decodeEmbedding('AAA=')).toThrow(RangeError);
});

test('a similarity is found back from points it moved, and noise does not shear it', () => {
  const points = [
    { x: 0, y: 0 },
    { x: 10, y: 1 },
    { x: 4, y: 7 },
    { x: -3, y: 5 },
  ];
  const [a, b, c, d, e, f] = [1.5, -0.7, 20, 0.7, 1.5, -4];
  const moved = points.map(({ x, y }) => ({ x: a * x + b * y + c, y: d * x + e * y + f }));
  similarityBetween(points, moved).forEach((value, i) => expect(value).toBeCloseTo([a, b, c, d, e, f][i]!, 9));
  const bent = similarityBetween(
    points,
    moved.map(({ x, y }, i) => ({ x: x + i, y })),
  );
  expect(bent[0]).toBe(bent[4]);
  expect(bent[1]).toBe(-bent[3]);
});

test('embeddings of different length are not compared', () => {
  expect(() => cosine([1, 0], [1, 0, 0])).toThrow(RangeError);
  expect(cosine([0, 0], [1, 0])).toBe(0);
  expect(cosine([2, 0], [0.5, 0])).toBe(1);
});
