import { describe, expect, it } from 'vitest';

import { FIRST, SECOND, THIRD } from './cast.js';
import { PosedHead } from './face-drawing.js';
import { NEUTRAL, type Expression, type HeadPose } from './pose.js';
import type { Point2 } from './vector.js';

const FACING: HeadPose = { x: 300, y: 250, unitPx: 80, yaw: 0, pitch: 0, roll: 0 };

function points(pose: Partial<HeadPose> = {}, expression: Partial<Expression> = {}, person = FIRST): readonly Point2[] {
  return new PosedHead(person, { ...FACING, ...pose }, { ...NEUTRAL, ...expression }).landmarks;
}

const at = (marks: readonly Point2[], index: number): Point2 => {
  const mark = marks[index];
  if (!mark) throw new RangeError(`no point ${index}`);
  return mark;
};

const xs = (marks: readonly Point2[], ...indices: number[]): number[] => indices.map((index) => at(marks, index).x);
const ascending = (values: readonly number[]): boolean =>
  values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0));

describe.each([FIRST, SECOND, THIRD])('the 68 points of $name', (person) => {
  const marks = points({}, {}, person);

  it('run in iBUG order', () => {
    expect(marks).toHaveLength(68);
    const jaw = marks.slice(0, 17).map(({ y }) => y);
    expect(ascending(jaw.slice(0, 9))).toBe(true);
    expect(ascending(jaw.slice(8).reverse())).toBe(true);
    expect(ascending(xs(marks, 4, 5, 6, 7, 8, 9, 10, 11, 12))).toBe(true);
    expect(ascending(xs(marks, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26))).toBe(true);
    expect(ascending([27, 28, 29, 30, 33].map((index) => at(marks, index).y))).toBe(true);
    expect(ascending(xs(marks, 31, 32, 33, 34, 35))).toBe(true);
    expect(ascending(xs(marks, 36, 37, 38, 39, 42, 43, 44, 45))).toBe(true);
    expect(ascending(xs(marks, 48, 49, 50, 51, 52, 53, 54))).toBe(true);
    expect(ascending(xs(marks, 60, 61, 62, 63, 64))).toBe(true);
    expect(at(marks, 37).y).toBeLessThan(at(marks, 41).y);
    expect(at(marks, 51).y).toBeLessThan(at(marks, 57).y);
  });

  it('mirror each other in a face seen from the front', () => {
    for (const [left, right] of [
      [0, 16],
      [4, 12],
      [17, 26],
      [21, 22],
      [31, 35],
      [36, 45],
      [41, 46],
      [48, 54],
    ] as const) {
      expect(at(marks, left).x + at(marks, right).x).toBeCloseTo(600, 6);
      expect(at(marks, left).y).toBeCloseTo(at(marks, right).y, 6);
    }
  });

  it('put the chin lowest and brows above eyes above nose above mouth', () => {
    const heights = [19, 37, 30, 51, 57, 8].map((index) => at(marks, index).y);
    expect(ascending(heights)).toBe(true);
    expect(Math.max(...marks.map(({ y }) => y))).toBe(at(marks, 8).y);
  });
});

describe('a face that moves', () => {
  it('moves its nose toward the side it turns to, and foreshortens that side', () => {
    const turned = points({ yaw: 20 });
    expect(at(turned, 30).x - at(points(), 30).x).toBeGreaterThan(20);
    expect(at(turned, 45).x - at(turned, 42).x).toBeLessThan(at(turned, 39).x - at(turned, 36).x);
  });

  it('lowers its nose when it looks down', () => {
    expect(at(points({ pitch: 10 }), 30).y).toBeGreaterThan(at(points(), 30).y + 5);
  });

  it('lifts its left eye when it leans clockwise', () => {
    const leaning = points({ roll: 10 });
    expect(at(leaning, 36).y).toBeLessThan(at(leaning, 45).y);
  });

  it('opens the mouth downward: lower lip and chin fall, the upper lip and the eyes stay', () => {
    const [shut, open] = [points(), points({}, { mouthOpen: 1 })];
    expect(at(shut, 66).y - at(shut, 62).y).toBeLessThan(1.5);
    expect(at(open, 66).y - at(open, 62).y).toBeGreaterThan(15);
    expect(at(open, 8).y - at(shut, 8).y).toBeGreaterThan(10);
    expect(Math.abs(at(open, 51).y - at(shut, 51).y)).toBeLessThan(3);
    expect(at(open, 36)).toEqual(at(shut, 36));
  });

  it('brings the lids together in a blink', () => {
    const shut = points({}, { blink: 1 });
    for (const [upper, lower] of [
      [37, 41],
      [38, 40],
      [43, 47],
      [44, 46],
    ] as const) {
      expect(Math.abs(at(shut, upper).y - at(shut, lower).y)).toBeLessThan(1.5);
    }
  });

  it('scales with its size', () => {
    const [one, two] = [points(), points({ unitPx: 160 })];
    expect(at(two, 45).x - at(two, 36).x).toBeCloseTo(2 * (at(one, 45).x - at(one, 36).x), 6);
  });
});
