import { afterAll, beforeAll, expect, test } from 'vitest';

import { ADA, BEN, drawFrame } from '../../test/drawn-face.js';
import { openTestModels } from '../../test/open-models.js';
import type { FaceModels } from '../analyse.js';
import { decodeEmbedding } from '../identity/embedding-text.js';
import { facesOfImage } from './faces-of-image.js';
import { templateOf } from './template.js';

let models: FaceModels;
beforeAll(async () => {
  models = await openTestModels();
});
afterAll(() => models.release());

const ada = { x: 320, y: 220, scale: 1, look: ADA };
const enrolled = async (people: Parameters<typeof drawFrame>[0]) =>
  templateOf(await facesOfImage(models, await drawFrame(people)), 'test');

test('a portrait gives a template of length 1 and a quality', async () => {
  const { template, quality, recogniser } = await enrolled([ada]);
  expect(Math.hypot(...decodeEmbedding(template))).toBeCloseTo(1, 5);
  expect(quality).toBeGreaterThan(0.5);
  expect(recogniser).toBe('test');
});

test('a face that fills the picture and more is found from further away', async () => {
  const face = await facesOfImage(models, await drawFrame([{ ...ada, x: 320, y: 230, scale: 3.6 }]));
  expect(face).toHaveLength(1);
});

test('nobody and two people are refused, somebody far behind is not', async () => {
  await expect(enrolled([])).rejects.toMatchObject({ code: 'NO_FACE' });
  const two = [
    { ...ada, x: 180 },
    { ...ada, x: 470, scale: 0.8, look: BEN },
  ];
  await expect(enrolled(two)).rejects.toMatchObject({ code: 'TWO_FACES_IN_IMAGE' });
  const behind = [
    { ...ada, x: 240, scale: 1.5 },
    { ...ada, x: 560, y: 100, scale: 0.3, look: BEN },
  ];
  expect((await enrolled(behind)).quality).toBeGreaterThan(0.5);
});

test('a face of a few pixels is refused for its quality or not taken for one', async () => {
  await expect(enrolled([{ ...ada, scale: 0.28 }])).rejects.toMatchObject({
    code: expect.stringMatching(/^(FACE_QUALITY_TOO_LOW|NO_FACE)$/),
  });
});
