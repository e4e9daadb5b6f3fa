import { describe, expect, test } from 'vitest';

import { correlation, jitterRatio, landmarkError, qualityFigures, quantile, type QualitySample } from './figures.js';
import type { MeasuredFace } from './measured-face.js';

const IDENTITY = Float32Array.from([1, 0]);
const PLATE = Float32Array.from([0, 1]);

/** 68 points on a line, 4 px apart, so that the outer eye corners (36, 45) lie 36 px apart. */
function face(embedding: Float32Array, motion: { x?: number; mouth?: number; yaw?: number } = {}): MeasuredFace {
  const landmarks = Float64Array.from({ length: 136 }, (_, i) => (i % 2 === 0 ? 2 * i + (motion.x ?? 0) : 50));
  return { landmarks, embedding, mouthOpening: motion.mouth ?? 0, yawDeg: motion.yaw ?? 0 };
}

function clip(output: (i: number) => MeasuredFace | undefined): QualitySample[] {
  return Array.from({ length: 20 }, (_, i) => ({
    plate: face(PLATE, { mouth: 0.1 + 0.05 * Math.sin(i), yaw: 10 * Math.sin(i / 3) }),
    output: output(i),
  }));
}

describe('quality figures', () => {
  test('a perfect replacement has the identity and the plate’s motion', () => {
    const figures = qualityFigures(
      clip((i) => face(IDENTITY, { mouth: 0.1 + 0.04 * Math.sin(i), yaw: 9 * Math.sin(i / 3) })),
      IDENTITY,
    );
    expect(figures).toMatchObject({
      idToIdentityBefore: 0,
      idToIdentity: 1,
      idToPlate: 0,
      droppedFaces: 0,
      landmarkNme: 0,
    });
    expect(figures.mouthCorrelation).toBeCloseTo(1);
    expect(figures.yawCorrelation).toBeCloseTo(1);
  });

  test('a still picture scores in identity and fails in motion', () => {
    const figures = qualityFigures(
      clip(() => face(IDENTITY, { x: 6 })),
      IDENTITY,
    );
    expect(figures.idToIdentity).toBe(1);
    expect(figures.mouthCorrelation).toBe(0);
    expect(figures.yawCorrelation).toBe(0);
    expect(figures.landmarkNme).toBeCloseTo(6 / 36);
  });

  test('a lost face counts 0 in cosine and as a wrong place', () => {
    const figures = qualityFigures(
      clip((i) => (i % 4 === 0 ? undefined : face(IDENTITY))),
      IDENTITY,
    );
    expect(figures).toMatchObject({ droppedFaces: 5, idToIdentity: 0.75, idToIdentityP10: 0, landmarkNmeP90: 1 });
  });

  test('trembling shows in the jitter ratio', () => {
    const shaking = clip((i) => face(IDENTITY, { x: i % 2 }));
    const steadyPlate = shaking.map((sample, i) => ({ ...sample, plate: face(PLATE, { x: 0.1 * (i % 2) }) }));
    expect(qualityFigures(steadyPlate, IDENTITY).jitterRatio).toBeCloseTo(10);
  });

  test('no motion in the plate leaves its correlation out', () => {
    const still = clip(() => face(IDENTITY)).map((sample) => ({ ...sample, plate: face(PLATE) }));
    expect(qualityFigures(still, IDENTITY)).toMatchObject({ mouthCorrelation: null, yawCorrelation: null });
  });

  test('no frames are an error', () => {
    expect(() => qualityFigures([], IDENTITY)).toThrow(RangeError);
  });
});

test('the jitter of separate runs does not count the jump from one run to the next', () => {
  const run = (x: number) =>
    [0, 1, 2].map((i) => ({ plate: face(PLATE, { x: i * i }), output: face(IDENTITY, { x: x + i * i }) }));
  expect(jitterRatio([run(0), run(50)])).toBeCloseTo(1);
  expect(jitterRatio([[...run(0), ...run(50)]])).toBeGreaterThan(2);
  expect(jitterRatio([run(0).slice(1), run(50).slice(1)])).toBeNull();
});

test('quantile, correlation and landmark error on known numbers', () => {
  expect(quantile([5, 1, 3, 2, 4], 0.5)).toBe(3);
  expect(quantile([5, 1, 3, 2, 4], 0.1)).toBe(1);
  expect(correlation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1);
  expect(landmarkError(face(PLATE, { x: 9 }).landmarks, face(PLATE).landmarks)).toBeCloseTo(0.25);
});
