import { expect, test } from 'vitest';

import { observe, random } from '../../test/observations.js';
import { eyeDistance } from '../landmarks/points.js';
import { smoothTrack } from './smooth.js';

/** Roughly normal, of standard deviation 1. */
const noise = (next: () => number) => (next() + next() + next() + next() - 2) * Math.sqrt(3);

const EYES = eyeDistance(observe(0, { x: 0, y: 0 }).landmarks);

function track(length: number, mouth: (frame: number) => number, sigma: number) {
  const next = random(5);
  const make = (frame: number, jitter: () => number) =>
    observe(frame, { x: 300 + 40 * Math.sin(frame / 14), y: 300, mouth: mouth(frame), jitter }).landmarks;
  return {
    truth: Array.from({ length }, (_, frame) => make(frame, () => 0)),
    seen: Array.from({ length }, (_, frame) => ({ landmarks: make(frame, () => sigma * noise(next)), weight: 1 })),
  };
}

const gap = (points: ArrayLike<number>) => points[133]! - points[125]!;

function rms(found: readonly ArrayLike<number>[], truth: readonly ArrayLike<number>[]): number {
  let sum = 0;
  found.forEach((points, frame) => {
    for (let i = 0; i < 136; i++) sum += (points[i]! - truth[frame]![i]!) ** 2;
  });
  return Math.sqrt(sum / found.length / 136);
}

test('halves the jitter of a moving face at least nearly', () => {
  const sigma = 0.01 * EYES;
  const { truth, seen } = track(120, () => 0, sigma);
  const smoothed = smoothTrack(seen);
  const before = rms(
    seen.map(({ landmarks }) => landmarks),
    truth,
  );
  expect(rms(smoothed, truth)).toBeLessThan(0.62 * before);
});

const words = (frame: number) => (frame % 20 === 10 ? 0.2 : frame % 20 === 9 || frame % 20 === 11 ? 0.1 : 0);

test('a word of three frames keeps at least 95 % of its height and comes in its own frame', () => {
  const { truth, seen } = track(120, words, 0.004 * EYES);
  const smoothed = smoothTrack(seen);
  for (let frame = 10; frame < 120; frame += 20) {
    expect(gap(smoothed[frame]!) - gap(truth[0]!)).toBeGreaterThan(0.95 * (gap(truth[frame]!) - gap(truth[0]!)));
    expect(gap(smoothed[frame]!)).toBeGreaterThan(gap(smoothed[frame - 1]!));
    expect(gap(smoothed[frame]!)).toBeGreaterThan(gap(smoothed[frame + 1]!));
  }
});

test('speech of five openings a second is followed without lag', () => {
  const { truth, seen } = track(180, (frame) => 0.08 + 0.08 * Math.sin((2 * Math.PI * 5 * frame) / 30), 0.004 * EYES);
  const smoothed = smoothTrack(seen);
  const correlation = (shift: number) => {
    let [xy, xx, yy] = [0, 0, 0];
    for (let frame = 10; frame < 170; frame++) {
      const x = gap(smoothed[frame + shift]!) - gap(truth[0]!);
      const y = gap(truth[frame]!) - gap(truth[0]!);
      xy += x * y;
      xx += x * x;
      yy += y * y;
    }
    return xy / Math.sqrt(xx * yy);
  };
  expect(correlation(0)).toBeGreaterThan(0.995);
  expect(correlation(0)).toBeGreaterThan(Math.max(correlation(1), correlation(-1)));
});

const at = (x: number) => ({ landmarks: observe(0, { x, y: 300 }).landmarks, weight: 1 });

test('a jump of the whole face is not drawn out over its neighbours', () => {
  const smoothed = smoothTrack(Array.from({ length: 30 }, (_, frame) => at(frame < 15 ? 300 : 360)));
  expect(smoothed[14]![0]).toBeCloseTo(at(300).landmarks[0]!, 3);
  expect(smoothed[15]![0]).toBeCloseTo(at(360).landmarks[0]!, 3);
});

test('one and two frames stay as they are', () => {
  const { seen } = track(2, () => 0, 1);
  expect(smoothTrack(seen).map((points) => Array.from(points))).toEqual(seen.map(({ landmarks }) => landmarks));
});
