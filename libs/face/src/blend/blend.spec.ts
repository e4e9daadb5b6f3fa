import { describe, expect, test } from 'vitest';

import { blurPlane } from './gaussian.js';
import { smoothKeepingEdges } from './guided.js';
import { createPlane, enlargePlane, reducePlane, type FloatPlane } from './plane.js';
import { fillPolygon } from './polygon.js';
import { smoothLight } from './smooth-light.js';

function plane(width: number, height: number, value: (x: number, y: number) => number): FloatPlane {
  const out = createPlane(width, height);
  for (let i = 0; i < out.data.length; i++) out.data[i] = value(i % width, Math.floor(i / width));
  return out;
}

describe('blur', () => {
  test.each([1.5, 4, 9])('keeps the mean and spreads a point by sigma %f', (sigma) => {
    const point = plane(101, 101, (x, y) => (x === 50 && y === 50 ? 1 : 0));
    const soft = blurPlane(point, sigma);
    let total = 0;
    let variance = 0;
    soft.data.forEach((value, i) => {
      total += value;
      variance += value * ((i % 101) - 50) ** 2;
    });
    expect(total).toBeCloseTo(1, 3);
    expect(Math.sqrt(variance)).toBeGreaterThan(sigma * 0.9);
    expect(Math.sqrt(variance)).toBeLessThan(sigma * 1.1);
  });

  test('a flat plane stays flat up to its border', () => {
    for (const value of blurPlane(
      plane(30, 20, () => 0.7),
      6,
    ).data)
      expect(value).toBeCloseTo(0.7, 4);
  });
});

test('a polygon covers its area, part of a pixel at its edge', () => {
  const square = fillPolygon(20, 20, [1.75, 2.5, 9.75, 2.5, 9.75, 7.5, 1.75, 7.5]);
  expect(square.data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(8 * 5, 3);
  expect(square.data[5 * 20 + 2]).toBeCloseTo(0.75, 3);
});

test('reducing and enlarging keep a ramp in place', () => {
  const ramp = plane(40, 30, (x, y) => x + 2 * y);
  const back = enlargePlane(reducePlane(ramp, 4), 4, 40, 30);
  expect(back.data[15 * 40 + 20]).toBeCloseTo(50, 4);
});

describe('smooth light', () => {
  const weight = plane(80, 80, (x) => (x >= 30 && x < 50 ? 0 : 1));

  test('fills what does not count from what does', () => {
    const dark = plane(80, 80, (x) => (x >= 30 && x < 50 ? -3 : 0.2));
    for (const value of smoothLight([dark], weight, 8, 10)[0]!.data) expect(value).toBeCloseTo(0.2, 2);
  });

  test('follows a gradient and shrugs off an outlier', () => {
    const lit = plane(80, 80, (x, y) => x / 80 - (x > 60 && y > 60 && x < 68 && y < 68 ? 2 : 0));
    const [light] = smoothLight(
      [lit],
      plane(80, 80, () => 1),
      6,
      0.3,
    );
    expect(light!.data[40 * 80 + 64]! - light!.data[40 * 80 + 16]!).toBeGreaterThan(0.5);
    expect(light!.data[64 * 80 + 64]).toBeGreaterThan(0.6);
  });
});

test('the guided filter takes speckle and leaves an edge', () => {
  const noisy = plane(60, 60, (x, y) => (x < 30 ? -1 : 0) + ((x * 7 + y * 13) % 5 === 0 ? 0.03 : 0));
  const clean = smoothKeepingEdges(noisy, 3, 0.05);
  expect(Math.abs(clean.data[30 * 60 + 45]! - clean.data[31 * 60 + 46]!)).toBeLessThan(0.008);
  expect(clean.data[30 * 60 + 33]! - clean.data[30 * 60 + 26]!).toBeGreaterThan(0.85);
});
