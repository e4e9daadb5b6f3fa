import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { addPack, catalogueRow } from '@understudy/inference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ADA, drawFrame, truthOf } from '../test/drawn-face.js';
import { addGenerated } from '../test/graphs.js';
import { openTestModels } from '../test/open-models.js';
import { STILL_POINTS, stillDetector, stillLandmarks } from '../test/still-packs.js';
import { type FaceModels, faceAnalyser } from './analyse.js';
import { openAnalysisModels } from './analysis-models.js';
import { eyeCentres, eyeDistance, pointAt } from './landmarks/points.js';

/** From Debian's package libdlib-data (apt-get install libdlib-data); another place by DLIB_LANDMARKS. */
const DLIB_FILE = process.env['DLIB_LANDMARKS'] ?? '/usr/share/dlib/shape_predictor_68_face_landmarks.dat';

let builtIn: FaceModels;
let folder: string;
beforeAll(async () => {
  builtIn = await openTestModels();
  folder = await mkdtemp(join(tmpdir(), 'understudy-analysis-'));
});
afterAll(async () => {
  await builtIn.release();
  await rm(folder, { recursive: true, force: true });
});

/** Of a frame of 640 x 480, which a detector of 640 sees as it is; larger than what counts in a magnified window. */
const BOX = { x: 380, y: 250, width: 128, height: 160 };

describe('an analysis with packs', () => {
  test("has the detector's boxes and the landmarks of its packs, and the identity of the built-in recogniser", async () => {
    const packs = {
      detector: await addGenerated(folder, 'yunet_2023_mar', stillDetector(BOX)),
      landmarks: await addGenerated(folder, '2dfan4', stillLandmarks()),
    };
    const models = await openAnalysisModels(builtIn, packs);
    const frame = await drawFrame([{ x: 160, y: 200, scale: 1, look: ADA }]);
    // A frame without magnified windows, in which identity is measured.
    const [face, ...others] = await faceAnalyser(models)
      .analyseFrame(frame, 0)
      .then((faces) => faces.filter(({ box }) => box.width > 100));
    await models.release();
    expect(others).toEqual([]);
    expect(face!.score).toBeCloseTo(0.98 ** 2, 3);
    (['x', 'y', 'width', 'height'] as const).forEach((side) => expect(face!.box[side]).toBeCloseTo(BOX[side], 1));
    // 2dfan4's crop: the box's longest side spans 195 of 256 samples, and its grid has a quarter of them.
    const step = (4 * BOX.height) / 195;
    STILL_POINTS.forEach(({ x, y }, point) => {
      expect(face!.landmarks[2 * point]).toBeCloseTo(BOX.x + BOX.width / 2 + (x - 32) * step, 1);
      expect(face!.landmarks[2 * point + 1]).toBeCloseTo(BOX.y + BOX.height / 2 + (y - 32) * step, 1);
    });
    expect(face!.embedding).toBeDefined();
    expect(face!.spread).toBeUndefined();
    // Released with the packs alone: the built-in models go on.
    const [seen] = await faceAnalyser(builtIn).analyseFrame(frame, 0);
    expect(Math.abs(seen!.box.x + seen!.box.width / 2 - 160)).toBeLessThan(20);
  });

  test('is refused with a pack of another role', async () => {
    const pack = await addGenerated(folder, 'yunet_2023_mar', stillDetector(BOX));
    const opened = openAnalysisModels(builtIn, { landmarks: pack });
    await expect(opened).rejects.toMatchObject({ code: 'PACK_CONTRACT_MISMATCH' });
  });
});

describe.skipIf(!existsSync(DLIB_FILE))(
  `dlib's trees (skipped where ${DLIB_FILE} of Debian's libdlib-data is absent)`,
  () => {
    let models: FaceModels;
    beforeAll(async () => {
      const landmarks = await addPack(folder, DLIB_FILE, catalogueRow('dlib_68'));
      models = await openAnalysisModels(builtIn, { landmarks });
    });

    test.each([0, -12, 15])(
      'find the points of a drawn face in the built-in detector’s box, rolled by %i',
      async (roll) => {
        const placement = { x: 320, y: 210, scale: 1, roll, look: ADA };
        const [face] = await faceAnalyser(models).analyseFrame(await drawFrame([placement]), 0);
        const truth = truthOf(placement);
        const { landmarks, spread } = face!;
        const unit = eyeDistance(landmarks);
        const points = [...eyeCentres(landmarks), pointAt(landmarks, 48), pointAt(landmarks, 54)];
        const errors = [...truth.eyes, ...truth.mouthCorners].map(
          ([x, y], i) => Math.hypot(points[i]!.x - x, points[i]!.y - y) / unit,
        );
        expect(Math.max(...errors)).toBeLessThan(0.1);
        expect(spread).toBeLessThan(0.05);
      },
    );

    test('hardly depend on the detector: a box moved by a tenth of its size moves them by under 2 % of the eye distance', async () => {
      const frame = await drawFrame([{ x: 320, y: 210, scale: 1, look: ADA }]);
      const [face] = await faceAnalyser(models).analyseFrame(frame, 0);
      for (const [dx, dy] of [
        [0.1, 0],
        [-0.1, 0.05],
        [0.03, -0.1],
      ] as const) {
        const { box, landmarks } = face!;
        const moved = { ...box, x: box.x + dx * box.width, y: box.y + dy * box.height };
        const again = (await models.landmarker.locate(frame, moved)).landmarks;
        let sum = 0;
        for (let i = 0; i < 136; i += 2)
          sum += Math.hypot(again[i]! - landmarks[i]!, again[i + 1]! - landmarks[i + 1]!);
        expect(sum / 68 / eyeDistance(landmarks)).toBeLessThan(0.02);
      }
    });
  },
);
