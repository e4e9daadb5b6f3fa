import { describe, expect, test } from 'vitest';

import { joinAtEdge } from './join-edge.js';

const SIZE = 256;
const COUNT = SIZE * SIZE;

/** Soft at its edge, as a face's mask is: 1 within 70 samples of the middle, 0 beyond 100. */
const SHAPE = Float32Array.from({ length: COUNT }, (_, i) => Math.min(1, Math.max(0, (100 - away(i)) / 30)));

function away(i: number): number {
  return Math.hypot((i % SIZE) + 0.5 - 128, Math.floor(i / SIZE) + 0.5 - 128);
}

/** R, G and B of each place. */
function crop(colour: (x: number, y: number) => readonly number[]): Float32Array {
  const out = new Float32Array(3 * COUNT);
  for (let i = 0; i < COUNT; i++) {
    colour(i % SIZE, Math.floor(i / SIZE)).forEach((value, c) => (out[c * COUNT + i] = value));
  }
  return out;
}

/** Skin with pores and a line: nothing of it is smooth. */
const texture = (x: number, y: number): number =>
  6 * Math.sin(1.9 * x) * Math.cos(2.3 * y) + (Math.abs(x - y) < 2 ? -30 : 0);
const plate = crop((x, y) => [150 + 0.1 * x + texture(x, y), 110 + texture(x, y), 90 - 0.05 * y + texture(x, y)]);

/** Largest difference within the mask, and the mean one. */
function difference(a: Float32Array, b: Float32Array): { largest: number; mean: number } {
  let [largest, sum, count] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    if (SHAPE[i % COUNT]! < 0.5) continue;
    const apart = Math.abs(a[i]! - b[i]!);
    [largest, sum, count] = [Math.max(largest, apart), sum + apart, count + 1];
  }
  return { largest, mean: sum / count };
}

describe('joining a face to its plate', () => {
  test.each([
    ['a constant', (c: number) => [18, -25, 9][c]!],
    ['a gradient', (c: number, x: number, y: number) => [0.12, -0.08, 0.1][c]! * (x - 90) + [0.05, 0.1, -0.1][c]! * y],
  ])('takes %s away and keeps texture', (_, offset) => {
    const face = plate.map((value, i) => {
      const at = i % COUNT;
      return value + offset(Math.floor(i / COUNT), at % SIZE, Math.floor(at / SIZE));
    });
    expect(difference(face, plate).mean).toBeGreaterThan(8);
    const { largest, mean } = difference(joinAtEdge(face, plate, SIZE, SHAPE), plate);
    console.log(`left of the offset: ${mean.toFixed(3)} on average, ${largest.toFixed(3)} at most`);
    expect(mean).toBeLessThan(0.25);
    expect(largest).toBeLessThan(0.6);
  });

  test("keeps the face's own structure, to the sample", () => {
    const face = crop((x, y) => [
      140 + 40 * Math.exp(-((x - 120) ** 2 + (y - 140) ** 2) / 300) + texture(y, x),
      100,
      70 + texture(2 * x, y),
    ]);
    const joined = joinAtEdge(face, plate, SIZE, SHAPE);
    const bend = (of: Float32Array, i: number) => of[i - 1]! + of[i + 1]! + of[i - SIZE]! + of[i + SIZE]! - 4 * of[i]!;
    let worst = 0;
    for (let i = 0; i < COUNT; i++) {
      if (away(i) < 60) worst = Math.max(worst, Math.abs(bend(joined, i) - bend(face, i)));
    }
    expect(worst).toBeLessThan(0.6);
    // Along the edge it is as bright as the plate.
    const ring = (of: Float32Array) => {
      const there = Array.from({ length: COUNT }, (_, i) => i).filter((i) => Math.abs(away(i) - 83) < 2);
      return there.reduce((sum, i) => sum + of[i]!, 0) / there.length;
    };
    expect(Math.abs(ring(face) - ring(plate))).toBeGreaterThan(8);
    expect(Math.abs(ring(joined) - ring(plate))).toBeLessThan(1);
  });

  test('what covers the edge of a face draws no light into it', () => {
    const hand = (x: number, y: number) => x > 150 && y > 90 && y < 170;
    const covered = plate.map((value, i) => (hand(i % SIZE, Math.floor((i % COUNT) / SIZE)) ? 250 : value));
    const seen = Float32Array.from({ length: COUNT }, (_, i) => (hand(i % SIZE, Math.floor(i / SIZE)) ? 0 : 1));
    const face = plate.map((value) => value - 15);
    const [blind, aware] = [joinAtEdge(face, covered, SIZE, SHAPE), joinAtEdge(face, covered, SIZE, SHAPE, seen)];
    const at = 200 * SIZE + 128;
    const beside = 130 * SIZE + 140;
    expect(Math.abs(aware[beside]! - plate[beside]!)).toBeLessThan(0.5);
    expect(Math.abs(aware[at]! - plate[at]!)).toBeLessThan(0.5);
    expect(blind[beside]! - plate[beside]!).toBeGreaterThan(5);
  });

  test('a face that is wholly covered, or written nowhere, stays as it is', () => {
    const face = plate.map((value) => value - 15);
    expect(difference(joinAtEdge(face, plate, SIZE, SHAPE, new Float32Array(COUNT)), face).largest).toBe(0);
    expect(difference(joinAtEdge(face, plate, SIZE, new Float32Array(COUNT)), face).largest).toBe(0);
  });

  test('gives the same samples every time, in some milliseconds a face', () => {
    const face = plate.map((value, i) => value * 0.9 + 10 * Math.sin(i / 977));
    const first = joinAtEdge(face, plate, SIZE, SHAPE);
    const before = process.cpuUsage();
    const again = Array.from({ length: 5 }, () => joinAtEdge(face, plate, SIZE, SHAPE));
    const { user, system } = process.cpuUsage(before);
    for (const one of again) expect(Buffer.compare(Buffer.from(one.buffer), Buffer.from(first.buffer))).toBe(0);
    console.log(`${((user + system) / 5000).toFixed(1)} ms of processor time for a face of ${SIZE} samples`);
    expect((user + system) / 5000).toBeLessThan(250);
  });
});
