import { addRgb, allocateFrame, type Frame, type FrameSpec } from '@understudy/frame';
import { describe, expect, test } from 'vitest';

import { backgroundPsnr, comparePicture, rimDifference } from './picture.js';

const SPEC: FrameSpec = { width: 240, height: 200, format: 'yuv444p', matrix: 'bt709', range: 'tv' };
const BOX = { x: 20, y: 10, width: 200, height: 180 };
const CENTRE = { x: 100, y: 90 };
const RADIUS = 70;

function skin(): Frame {
  const frame = allocateFrame(SPEC);
  frame.planes[0].samples.fill(140);
  frame.planes[1].samples.fill(112);
  frame.planes[2].samples.fill(148);
  return frame;
}

/** A disc made brighter by so much, fading to nothing over `feather` pixels inside its rim. */
function brightened(by: number, feather: number): Frame {
  const frame = skin();
  const rgb = new Float32Array(3 * BOX.width * BOX.height);
  for (let i = 0; i < BOX.width * BOX.height; i++) {
    const inside = RADIUS - Math.hypot((i % BOX.width) - CENTRE.x, Math.floor(i / BOX.width) - CENTRE.y);
    const share = Math.max(0, Math.min(1, inside / feather));
    for (let c = 0; c < 3; c++) rgb[c * BOX.width * BOX.height + i] = by * share;
  }
  addRgb(frame, BOX, { width: BOX.width, height: BOX.height, rgb });
  return frame;
}

describe('the seam', () => {
  test('is the colour step of a hard edge', () => {
    // Grey levels 20 apart in the middle of the scale are about 8 apart in lightness, and 7 in CIEDE2000.
    const { seamDeltaE } = rimDifference(skin(), brightened(20, 0.01), BOX);
    expect(seamDeltaE).toBeGreaterThan(5);
    expect(seamDeltaE).toBeLessThan(8);
  });

  test('grows with the step and is gone where the change sets in slowly', () => {
    const hard = [5, 10, 20].map((by) => rimDifference(skin(), brightened(by, 0.01), BOX).seamDeltaE);
    expect(hard[1]! / hard[0]!).toBeGreaterThan(1.7);
    expect(hard[2]! / hard[1]!).toBeGreaterThan(1.7);
    const soft = rimDifference(skin(), brightened(20, 60), BOX).seamDeltaE;
    expect(soft).toBeLessThan(0.45 * hard[2]!);
  });

  test('is nothing where nothing changed', () => {
    expect(comparePicture(skin(), skin(), BOX)).toEqual({ backgroundPsnrDb: Infinity, seamDeltaE: 0, rimDeltaE76: 0 });
  });
});

test('one sample off outside the box is found in the background', () => {
  const after = skin();
  after.planes[0].samples[50 * SPEC.width + 100] = 0;
  expect(backgroundPsnr(skin(), after, BOX)).toBe(Infinity);
  after.planes[0].samples[0] = 150;
  const samples = 3 * (SPEC.width * SPEC.height - BOX.width * BOX.height);
  expect(backgroundPsnr(skin(), after, BOX)).toBeCloseTo(10 * Math.log10((255 * 255 * samples) / 100), 6);
});
