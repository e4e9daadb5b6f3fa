import { describe, expect, test } from 'vitest';

import { CANONICAL_LANDMARKS, CONTROL_COUNT, LANDMARK_COUNT, MIRRORED_CONTROL } from './canonical-face.js';
import { eyeClosure, usualOpenness } from './eye-closure.js';
import { controlPoints, fitPose } from './pose.js';
import { personalShape, shapeShift } from './shape.js';
import { evaluateOnGrid, fitThinPlate } from './thin-plate.js';

/** The generic head turned and drawn by an orthographic camera. */
function turnedHead(yaw: number, roll: number, scale: number): Float64Array {
  const points = new Float64Array(136);
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const [x, y, z] = CANONICAL_LANDMARKS.subarray(i * 3, i * 3 + 3);
    const u = x! * Math.cos(yaw) + z! * Math.sin(yaw);
    points[i * 2] = 300 + scale * (u * Math.cos(roll) - y! * Math.sin(roll));
    points[i * 2 + 1] = 200 + scale * (u * Math.sin(roll) + y! * Math.cos(roll));
  }
  return points;
}

describe('pose', () => {
  test.each([
    [0, 0],
    [0.5, 0],
    [-0.4, 0.3],
    [0.2, -0.6],
  ])('yaw %f and roll %f are found again, with the size', (yaw, roll) => {
    const pose = fitPose(turnedHead(yaw, roll, 120));
    expect(pose.yaw).toBeCloseTo(yaw, 3);
    expect(pose.roll).toBeCloseTo(roll, 3);
    expect(pose.pitch).toBeCloseTo(0, 3);
    expect(pose.scale).toBeCloseTo(120, 1);
  });

  test('the forehead lies above the brows and follows them up', () => {
    const landmarks = turnedHead(0, 0, 100);
    const controls = controlPoints(landmarks, fitPose(landmarks));
    expect(controls).toHaveLength(2 * CONTROL_COUNT);
    expect(controls[2 * 70 + 1]).toBeLessThan(landmarks[2 * 21 + 1]!);
    const raised = landmarks.slice();
    for (let i = 17; i < 27; i++) raised[i * 2 + 1]! -= 8;
    expect(controlPoints(raised, fitPose(landmarks))[2 * 70 + 1]! - controls[2 * 70 + 1]!).toBeCloseTo(-8);
  });

  test('mirroring twice is the same point', () => {
    MIRRORED_CONTROL.forEach((to, from) => expect(MIRRORED_CONTROL[to]).toBe(from));
  });
});

/** The same head with its eyes' inner corners set apart. */
function wide(points: Float64Array, yaw: number, scale: number): Float64Array {
  const out = points.slice();
  out[39 * 2]! -= 0.05 * scale * Math.cos(yaw);
  out[42 * 2]! += 0.05 * scale * Math.cos(yaw);
  return out;
}

describe('personal shape', () => {
  test('does not depend on pose and size, and shifts only brows, nose and eyes', () => {
    const front = personalShape(wide(turnedHead(0, 0, 100), 0, 100));
    const turned = personalShape(wide(turnedHead(0.4, 0, 160), 0.4, 160));
    expect(turned[39 * 2]).toBeCloseTo(front[39 * 2]!, 1);
    const generic = personalShape(turnedHead(0, 0, 100));
    const shift = shapeShift(front, generic, { browShare: 0, eyeShare: 0.5, noseShare: 0 });
    expect(shift[39 * 2]).toBeLessThan(-0.015);
    const others = shapeShift(front, generic, { browShare: 0.5, eyeShare: 0, noseShare: 0.5 });
    expect(Math.abs(others[39 * 2]!)).toBe(0);
    for (const fixed of [0, 8, 16, 48, 57, 66]) expect(Math.abs(shift[fixed * 2]!)).toBe(0);
  });
});

describe('thin-plate spline', () => {
  const points = Float64Array.from([0, 0, 10, 0, 0, 10, 10, 10, 5, 4]);
  const grid = { x0: 5, y0: 4, step: 1, cols: 1, rows: 1 };

  test('hits its points, and reproduces an affine map everywhere', () => {
    const bent = fitThinPlate(points, Float64Array.from([1, 2, 3, 4, 9]), 1, new Float64Array(5), 10);
    expect(evaluateOnGrid(bent, grid)[0]).toBeCloseTo(9, 4);
    const affine = Float64Array.from({ length: 5 }, (_, i) => 3 + 2 * points[i * 2]! - points[i * 2 + 1]!);
    const flat = fitThinPlate(points, affine, 1, new Float64Array(5), 10);
    expect(evaluateOnGrid(flat, { ...grid, x0: 30, y0: -7 })[0]).toBeCloseTo(3 + 60 + 7, 3);
  });

  test('smoothing lets it miss a point that stands out', () => {
    const loose = fitThinPlate(points, Float64Array.from([0, 0, 0, 0, 9]), 1, new Float64Array(5).fill(2), 10);
    expect(evaluateOnGrid(loose, grid)[0]).toBeLessThan(5);
  });
});

test('eyes count as shut only well below their usual opening', () => {
  const usual = usualOpenness([0.4, 0.41, 0.2, 0.4, 0.39, 0.4]);
  expect(usual).toBeCloseTo(0.4);
  expect(eyeClosure(0.4, usual)).toBe(0);
  expect(eyeClosure(0.2, usual)).toBe(1);
  expect(eyeClosure(0.64 * usual, usual)).toBe(1);
  expect(eyeClosure(0.69 * usual, usual)).toBeCloseTo(0.5);
  expect(eyeClosure(0.74 * usual, usual)).toBe(0);
});
