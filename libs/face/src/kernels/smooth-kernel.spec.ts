import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { blurPlane } from '../blend/gaussian.js';
import { createPlane } from '../blend/plane.js';
import { SOURCE_SHA256 } from './face.wasm.js';
import { thinPlateOnGrid } from './smooth-kernel.js';

test('the compiled kernel is that of its source; else run kernels/build.mjs of libs/frame', () => {
  const folder = fileURLToPath(new URL('../../kernels', import.meta.url));
  const sha256 = createHash('sha256');
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  for (const name of files.toSorted()) sha256.update(readFileSync(join(folder, name)));
  expect(sha256.digest('hex')).toBe(SOURCE_SHA256);
});

describe.each([0.4, 1.3, 2, 4.5, 7.9])('a blur with a sigma of %f', (sigma) => {
  const plane = createPlane(53, 41);
  for (let i = 0; i < plane.data.length; i++) plane.data[i] = ((i * 7919) % 97) / 97;

  test('is the Gaussian mean of every pixel, edges repeated', () => {
    const blurred = blurPlane(plane, sigma);
    const at = (x: number, y: number) => plane.data[Math.max(0, Math.min(40, y)) * 53 + Math.max(0, Math.min(52, x))]!;
    for (const [x, y] of [
      [0, 0],
      [26, 20],
      [52, 40],
      [3, 37],
      [51, 1],
    ] as const) {
      let sum = 0;
      let total = 0;
      const reach = Math.ceil(5 * sigma);
      for (let v = -reach; v <= reach; v++) {
        for (let u = -reach; u <= reach; u++) {
          const weight = Math.exp(-(u * u + v * v) / (2 * sigma * sigma));
          sum += weight * at(x + u, y + v);
          total += weight;
        }
      }
      // The kernel ends where it hardly counts.
      expect(Math.abs(blurred.data[y * 53 + x]! - sum / total)).toBeLessThan(6e-3);
    }
  });
});

test('a thin plate is its formula at every point', () => {
  const centres = Float64Array.from([0.1, 0.2, 1.3, -0.4, 0.7, 1.9]);
  const weights = Float64Array.from([3, -2, -1, 4, -2, -2, 10, 20, 0.5, -1, 2, 0.25]);
  const values = thinPlateOnGrid(centres, weights, 2, { x0: -0.5, y0: -0.3, step: 0.21, columns: 7, rows: 5 });
  expect(values.length).toBe(70);
  for (let i = 0; i < 35; i++) {
    const [x, y] = [-0.5 + (i % 7) * 0.21, -0.3 + Math.floor(i / 7) * 0.21];
    for (const k of [0, 1]) {
      let expected = weights[6 + k]! + weights[8 + k]! * x + weights[10 + k]! * y;
      for (let c = 0; c < 3; c++) {
        const squared = (centres[2 * c]! - x) ** 2 + (centres[2 * c + 1]! - y) ** 2;
        if (squared > 0) expected += weights[2 * c + k]! * squared * Math.log(squared);
      }
      expect(values[2 * i + k]).toBeCloseTo(expected, 3);
    }
  }
});
