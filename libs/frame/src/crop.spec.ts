import { describe, expect, test } from 'vitest';

import { applyAffine, boxToCrop, composeAffine, invertAffine } from './affine.js';
import { colourTransform } from './colour.js';
import { cropGrey, cropRgb } from './crop.js';
import type { ColourMatrix, Frame, FrameSpec } from './frame.js';
import { FORMAT_LAYOUTS, PIXEL_FORMATS, allocateFrame } from './frame.js';

/** A frame whose colour at each point is a smooth known function of its place. */
function painted(spec: FrameSpec, colourAt: (x: number, y: number) => readonly [number, number, number]): Frame {
  const frame = allocateFrame(spec);
  const { chromaShiftX, chromaShiftY, model } = FORMAT_LAYOUTS[spec.format];
  const t = colourTransform(spec);
  const weights = { bt709: [0.2126, 0.0722], bt601: [0.299, 0.114], bt2020nc: [0.2627, 0.0593], gbr: [0, 0] }[
    spec.matrix
  ];
  const [kr, kb] = [weights[0]!, weights[1]!];
  frame.planes.forEach((plane, index) => {
    const isChroma = index > 0 && model === 'yuv';
    for (let i = 0; i < plane.samples.length; i++) {
      const [column, row] = [i % plane.width, Math.floor(i / plane.width)];
      const x = isChroma && chromaShiftX === 1 ? 2 * column + 0.5 : column + 0.5;
      const y = isChroma && chromaShiftY === 1 ? 2 * row + 1 : row + 0.5;
      const [red, green, blue] = colourAt(x, y);
      const luma = kr * red + (1 - kr - kb) * green + kb * blue;
      const value =
        model === 'gbr'
          ? [green, blue, red][index]! / t.lumaScale + t.lumaOffset
          : index === 0
            ? luma / t.lumaScale + t.lumaOffset
            : (index === 1 ? (blue - luma) / (2 - 2 * kb) : (red - luma) / (2 - 2 * kr)) / t.chromaScale +
              t.chromaOffset;
      plane.samples[i] = Math.round(value);
    }
  });
  return frame;
}

const ramp = (x: number, y: number) => [40 + x, 60 + 1.2 * y, 200 - 0.6 * x - 0.5 * y] as const;

const specs = PIXEL_FORMATS.flatMap((format) =>
  (['tv', 'pc'] as const).flatMap((range) =>
    (format.startsWith('gbrp') ? (['gbr'] as const) : (['bt709', 'bt601', 'bt2020nc'] as const)).map(
      (matrix: ColourMatrix): FrameSpec => ({ width: 128, height: 96, format, matrix, range }),
    ),
  ),
);

describe('crops of every pixel format', () => {
  for (const spec of specs) {
    test(`${spec.format} ${spec.matrix} ${spec.range} shows the colours that were painted`, () => {
      const frame = painted(spec, ramp);
      let worst = 0;
      const turn = [0.9, 0.35, -20, -0.35, 0.9, 14] as const;
      for (const place of [
        { x: 16.25, y: 12.5, width: 80, height: 60 },
        boxToCrop({ x: 20, y: 20, width: 30, height: 24 }, 40, 30),
        turn,
      ]) {
        const rgb = cropRgb(frame, place, 40, 30);
        const toPlate = invertAffine('x' in place ? boxToCrop(place, 40, 30) : place);
        for (let i = 0; i < 1200; i++) {
          const [x, y] = applyAffine(toPlate, (i % 40) + 0.5, Math.floor(i / 40) + 0.5);
          if (x < 4 || y < 4 || x > 124 || y > 92) continue;
          ramp(x, y).forEach((value, channel) => {
            worst = Math.max(worst, Math.abs(rgb[channel * 1200 + i]! - value));
          });
        }
      }
      expect(worst).toBeGreaterThan(0);
      expect(worst).toBeLessThan(2.5);
    });
  }
});

const grey: FrameSpec = { width: 120, height: 90, format: 'yuv444p', matrix: 'bt709', range: 'pc' };

test('interleaved and planar hold the same colours', () => {
  const frame = painted(grey, ramp);
  const box = { x: 5, y: 5, width: 60, height: 40 };
  const planar = cropRgb(frame, box, 12, 8);
  const mixed = cropRgb(frame, box, 12, 8, 'interleaved');
  for (let i = 0; i < 96; i++) {
    for (let c = 0; c < 3; c++) expect(mixed[3 * i + c]).toBe(planar[c * 96 + i]);
  }
});

test('a crop of the same size and place gives the samples back', () => {
  const frame = allocateFrame(grey);
  frame.planes[0].samples.forEach((_, i, samples) => (samples[i] = (i * 37) % 256));
  const same = cropGrey(frame, { x: 0, y: 0, width: 120, height: 90 }, 120, 90);
  expect(Array.from(same)).toEqual(Array.from(frame.planes[0].samples));
});

test('shrinking filters: fine stripes become even grey, however they are shifted or turned', () => {
  const frame = allocateFrame(grey);
  frame.planes[0].samples.forEach((_, i, samples) => (samples[i] = (i % 120) % 2 === 0 ? 255 : 0));
  for (const shift of [0, 0.25, 0.5, 1.7]) {
    for (const value of cropGrey(frame, { x: 10 + shift, y: 10, width: 80, height: 60 }, 20, 15)) {
      expect(Math.abs(value - 127.5)).toBeLessThan(20);
    }
  }
  const turned = composeAffine([0.25, 0, 0, 0, 0.25, 0], [0.99, 0.12, -20, -0.12, 0.99, 0]);
  const values = cropGrey(frame, turned, 16, 12);
  for (const value of values) expect(Math.abs(value - 127.5)).toBeLessThan(45);
});

test('beyond the plate its edge repeats', () => {
  const frame = painted(grey, (x) => [x < 60 ? 20 : 220, x < 60 ? 20 : 220, x < 60 ? 20 : 220]);
  const crop = cropGrey(frame, { x: -60, y: -50, width: 240, height: 200 }, 24, 20);
  expect(crop[0]).toBeCloseTo(20, 0);
  expect(crop[23]).toBeCloseTo(220, 0);
  expect(crop[19 * 24]).toBeCloseTo(20, 0);
});

test('affine maps: inverse, order of composition, and no inverse', () => {
  const turn = [0.8, 0.6, 3, -0.6, 0.8, 5] as const;
  const [x, y] = applyAffine(composeAffine(invertAffine(turn), turn), 7, -2);
  expect([x, y]).toEqual([expect.closeTo(7, 9), expect.closeTo(-2, 9)]);
  expect(applyAffine(composeAffine([2, 0, 0, 0, 2, 0], [1, 0, 1, 0, 1, 0]), 1, 1)).toEqual([4, 2]);
  expect(() => invertAffine([1, 1, 0, 1, 1, 0])).toThrow(RangeError);
});
