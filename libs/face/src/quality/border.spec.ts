import { allocateFrame, type Frame, type FrameSpec } from '@understudy/frame';
import { describe, expect, test } from 'vitest';

import { addedChange, borderRatio } from './border.js';

const SPEC: FrameSpec = { width: 40, height: 20, format: 'yuv444p', matrix: 'bt709', range: 'tv' };

function grey(luma: number): Frame {
  const frame = allocateFrame(SPEC);
  frame.planes[0].samples.fill(luma);
  return frame;
}

describe('the change of what was added', () => {
  const box = { x: 10, y: 5, width: 10, height: 10 };

  test('does not count what the plate itself does', () => {
    const before = { plate: grey(50), output: grey(70) };
    expect(addedChange(before, { plate: grey(120), output: grey(140) }, box)).toBe(0);
    expect(addedChange(before, { plate: grey(50), output: grey(73) }, box)).toBe(3);
    expect(addedChange(before, { plate: grey(50), output: grey(64) }, box)).toBe(6);
  });

  test('is a mean over the box alone', () => {
    const now = { plate: grey(50), output: grey(50) };
    now.output.planes[0].samples[0] = 250;
    expect(addedChange({ plate: grey(50), output: grey(50) }, now, box)).toBe(0);
    now.output.planes[0].samples[5 * SPEC.width + 10] = 150;
    expect(addedChange({ plate: grey(50), output: grey(50) }, now, box)).toBeCloseTo(1);
  });
});

test('a border no rougher than the inside has a ratio of at most 1, a jump at it shows', () => {
  const inside = Array.from({ length: 20 }, (_, i) => 1 + i / 100);
  expect(borderRatio({ inside, atBorder: [1.05, 1.07] })).toBeLessThan(1);
  expect(borderRatio({ inside, atBorder: [1.19 * 4] })).toBeCloseTo(4);
  expect(borderRatio({ inside, atBorder: [] })).toBeNull();
  expect(borderRatio({ inside: [], atBorder: [1] })).toBeNull();
});
