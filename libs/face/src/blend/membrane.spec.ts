import { describe, expect, test } from 'vitest';

import { membrane } from './membrane.js';
import { createPlane, type FloatPlane } from './plane.js';

const SIDE = 65;

function planeOf(value: (x: number, y: number) => number, width = SIDE, height = SIDE): FloatPlane {
  const plane = createPlane(width, height);
  for (let i = 0; i < plane.data.length; i++) plane.data[i] = value(i % width, Math.floor(i / width));
  return plane;
}

/** A ring two samples wide, as a face's outline is. */
const ring = (width = SIDE, height = SIDE): Uint8Array =>
  Uint8Array.from({ length: width * height }, (_, i) => {
    const away = Math.hypot((i % width) - 0.46 * width, Math.floor(i / width) - 0.52 * height);
    return Math.abs(away - 0.38 * Math.min(width, height)) < 1 ? 1 : 0;
  });

const inside = (i: number, width = SIDE, height = SIDE): boolean =>
  Math.hypot((i % width) - 0.46 * width, Math.floor(i / width) - 0.52 * height) < 0.38 * Math.min(width, height);

describe('the membrane', () => {
  test.each([
    ['a constant', () => 37],
    ['a gradient', (x: number, y: number) => 3 * x - 2 * y + 5],
    ['a saddle', (x: number, y: number) => ((x - 30) ** 2 - (y - 30) ** 2) / 20],
  ])('comes within its outline to %s that is known along it', (_, value) => {
    const wanted = planeOf(value);
    const known = ring();
    const given = planeOf((x, y) => (known[y * SIDE + x] === 1 ? value(x, y) : 1e6));
    const [found] = membrane([given], known);
    const spread = Math.max(...wanted.data) - Math.min(...wanted.data);
    found!.data.forEach((one, i) => {
      if (inside(i)) expect(Math.abs(one - wanted.data[i]!)).toBeLessThan(0.002 * spread + 1e-4);
    });
  });

  test('is what endless sweeps come to, for an odd size and an outline with a gap', () => {
    const [width, height] = [53, 38];
    const known = ring(width, height).map((one, i) => (i % width > 34 && Math.floor(i / width) > 12 ? 0 : one));
    const given = planeOf((x, y) => 40 * Math.sin(x / 5) + y, width, height);
    const slow = planeOf((x, y) => (known[y * width + x] === 1 ? given.data[y * width + x]! : 0), width, height);
    for (let pass = 0; pass < 6000; pass++) {
      for (let i = 0; i < known.length; i++) {
        if (known[i] === 1) continue;
        const [x, y] = [i % width, Math.floor(i / width)];
        const around = [];
        if (x > 0) around.push(slow.data[i - 1]!);
        if (x + 1 < width) around.push(slow.data[i + 1]!);
        if (y > 0) around.push(slow.data[i - width]!);
        if (y + 1 < height) around.push(slow.data[i + width]!);
        slow.data[i] = around.reduce((sum, one) => sum + one, 0) / around.length;
      }
    }
    const [found] = membrane([given], known);
    const worst = found!.data.reduce((most, one, i) => Math.max(most, Math.abs(one - slow.data[i]!)), 0);
    console.log(`furthest from the solution: ${worst.toFixed(4)} of a spread of 100`);
    expect(worst).toBeLessThan(0.1);
  });

  test('knows nothing where nothing is known, and never goes beyond what is', () => {
    const given = planeOf((x) => x);
    expect(Math.max(...membrane([given], new Uint8Array(SIDE * SIDE))[0]!.data)).toBe(0);
    const found = membrane([given], ring())[0]!.data;
    expect(Math.max(...found)).toBeLessThan(SIDE);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(0);
  });
});
