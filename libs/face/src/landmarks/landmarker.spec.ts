import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ADA, type Placement, drawFrame, truthOf } from '../../test/drawn-face.js';
import { random } from '../../test/observations.js';
import { openTestModels } from '../../test/open-models.js';
import type { FaceModels } from '../analyse.js';
import { wholeWindows } from '../detect/windows.js';
import { eyeCentres, eyeDistance, pointAt, rollOf, transformLandmarks, unmirror, yawDegrees } from './points.js';

let models: FaceModels;
beforeAll(async () => {
  models = await openTestModels();
});
afterAll(() => models.release());

async function located(placement: Placement) {
  const frame = await drawFrame([placement]);
  const [detection] = await models.detector.detect(frame, wholeWindows(frame.spec.width, frame.spec.height), 0.7);
  if (detection === undefined) throw new Error('the drawn face is not found');
  return { frame, box: detection.box, ...(await models.landmarker.locate(frame, detection.box)) };
}

describe('landmarks of a drawn face', () => {
  for (const roll of [0, 25, -40]) {
    test(`eyes and mouth corners lie where they were drawn, at a roll of ${roll} degrees`, async () => {
      const placement = { x: 320, y: 210, scale: 1, roll, look: ADA };
      const { landmarks, spread } = await located(placement);
      const truth = truthOf(placement);
      const unit = eyeDistance(landmarks);
      const points = [...eyeCentres(landmarks), pointAt(landmarks, 48), pointAt(landmarks, 54)];
      [...truth.eyes, ...truth.mouthCorners].forEach(([x, y], i) => {
        expect(Math.hypot(points[i]!.x - x, points[i]!.y - y) / unit).toBeLessThan(0.12);
      });
      expect((rollOf(landmarks) * 180) / Math.PI).toBeCloseTo(roll, -1);
      expect(Math.abs(yawDegrees(landmarks))).toBeLessThan(8);
      expect(spread).toBeLessThan(0.04);
    });
  }

  test('an opening mouth opens', async () => {
    const gaps: number[] = [];
    for (const mouth of [0, 0.5, 1]) {
      const { landmarks } = await located({ x: 320, y: 210, scale: 1, mouth, look: ADA });
      gaps.push((pointAt(landmarks, 66).y - pointAt(landmarks, 62).y) / eyeDistance(landmarks));
    }
    expect(gaps[1]).toBeGreaterThan(gaps[0]! + 0.02);
    expect(gaps[2]).toBeGreaterThan(gaps[1]! + 0.02);
  });

  test('hardly depend on the detector: a box moved by 5 % of its size moves them by under 0.5 % of the eye distance', async () => {
    const { frame, box, landmarks } = await located({ x: 320, y: 210, scale: 1, look: ADA });
    const next = random(3);
    for (let run = 0; run < 8; run++) {
      const moved = {
        ...box,
        x: box.x + (next() - 0.5) * 0.1 * box.width,
        y: box.y + (next() - 0.5) * 0.1 * box.height,
      };
      const again = (await models.landmarker.locate(frame, moved)).landmarks;
      let sum = 0;
      for (let i = 0; i < 136; i += 2) sum += Math.hypot(again[i]! - landmarks[i]!, again[i + 1]! - landmarks[i + 1]!);
      expect(sum / 68 / eyeDistance(landmarks)).toBeLessThan(0.005);
    }
  });

  test('views of a wall disagree', async () => {
    const frame = await drawFrame([]);
    const { spread } = await models.landmarker.locate(frame, { x: 200, y: 150, width: 120, height: 150 });
    expect(spread).toBeGreaterThan(0.06);
  });
});

test('mirroring twice gives the points back, and swaps the eyes once', async () => {
  const { landmarks } = await located({ x: 320, y: 210, scale: 1, roll: 10, look: ADA });
  expect(Array.from(unmirror(unmirror(landmarks)))).toEqual(Array.from(landmarks));
  const mirrored = transformLandmarks(unmirror(landmarks), [1, 0, 640, 0, 1, 0]);
  expect(pointAt(mirrored, 36).x).toBeCloseTo(640 - pointAt(landmarks, 45).x, 6);
  expect(pointAt(mirrored, 48).x).toBeLessThan(pointAt(mirrored, 54).x);
});
