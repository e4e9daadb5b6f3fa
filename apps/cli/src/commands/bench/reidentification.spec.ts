import { fileURLToPath } from 'node:url';
import { ANONYMISE_STYLES } from '@understudy/contracts';
import { type FaceModels, openFaceModels } from '@understudy/face';
import { ensureDefaultPack } from '@understudy/inference';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { benchReidentification, type ReidentificationReport } from './reidentification.js';

const DATA_FOLDER = fileURLToPath(new URL('../../../../../.understudy', import.meta.url));
const PEOPLE = 12;
const LOOKS_EACH = 3;

let models: FaceModels;
let report: ReidentificationReport;
beforeAll(async () => {
  models = await openFaceModels(await ensureDefaultPack(DATA_FOLDER));
  report = await benchReidentification(models, PEOPLE, LOOKS_EACH);
}, 600_000);
afterAll(() => models?.release());

const ratesOf = (style: string) => report.styles.find((one) => one.style === style)!;

test('every picture is looked at, and uncovered people are known by every attacker', () => {
  expect(report).toMatchObject({ gallery: PEOPLE * LOOKS_EACH, probes: PEOPLE * LOOKS_EACH });
  const { recogniser, clearGallery, pixels, pixelsWithoutLight, trainedPixels, form, trainedForm } = ratesOf('none');
  expect(Math.min(recogniser, clearGallery)).toBeGreaterThan(0.9);
  expect(Math.min(pixels, pixelsWithoutLight, trainedPixels, form, trainedForm)).toBeGreaterThan(2 * report.bound);
});

test.each(ANONYMISE_STYLES)('%s: no attacker names more than twice as many as by guessing', (style) => {
  expect(ratesOf(style).highest).toBeLessThanOrEqual(report.bound);
});
