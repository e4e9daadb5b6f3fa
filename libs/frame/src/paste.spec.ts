import { describe, expect, it } from 'vitest';

import { cropRgb } from './crop.js';
import { allocateFrame, PIXEL_FORMATS, type Frame, type FrameSpec, type PixelFormat } from './frame.js';
import { pasteRgb } from './paste.js';

function noisyFrame(format: PixelFormat, range: 'tv' | 'pc' = 'tv', matrix: FrameSpec['matrix'] = 'bt709'): Frame {
  const gbr = format.startsWith('gbrp');
  const frame = allocateFrame({ width: 38, height: 30, format, range, matrix: gbr ? 'gbr' : matrix });
  let state = 7;
  const step = format.endsWith('10le') ? 4 : 1;
  for (const plane of frame.planes) {
    for (let i = 0; i < plane.samples.length; i++) {
      state = (state * 1103515245 + 12345) % 2147483648;
      plane.samples[i] = (60 + (state % 120)) * step;
    }
  }
  return frame;
}

function crop(width: number, height: number, colour: readonly number[], mask: (x: number, y: number) => number) {
  const count = width * height;
  const rgb = new Float32Array(3 * count);
  colour.forEach((value, c) => rgb.fill(value, c * count, (c + 1) * count));
  const weights = new Float32Array(count);
  for (let i = 0; i < count; i++) weights[i] = mask(i % width, Math.floor(i / width));
  return { width, height, rgb, mask: weights };
}

/** Columns and rows 8 to 15 of the plate, for a crop at (4, 4). */
const inside = (x: number, y: number) => (x >= 4 && x < 12 && y >= 4 && y < 12 ? 1 : 0);

const COLOUR = [190, 120, 60];

describe.each([...PIXEL_FORMATS])('pasting into %s', (format) => {
  it.each(['tv', 'pc'] as const)('writes the colour that cropping reads back (%s range)', (range) => {
    const frame = noisyFrame(format, range);
    const box = { x: 5, y: 7, width: 20, height: 16 };
    pasteRgb(
      frame,
      box,
      crop(20, 16, COLOUR, () => 1),
    );
    const inner = cropRgb(frame, { x: 9, y: 11, width: 12, height: 8 }, 12, 8);
    COLOUR.forEach((value, c) => {
      for (const sample of inner.subarray(c * 96, (c + 1) * 96)) expect(Math.abs(sample - value)).toBeLessThan(2.1);
    });
  });

  it('changes no sample where the mask is 0, and none outside the crop', () => {
    const frame = noisyFrame(format);
    const before = frame.bytes.slice();
    pasteRgb(
      frame,
      { x: 4, y: 4, width: 20, height: 20 },
      crop(20, 20, COLOUR, () => 0),
    );
    expect(frame.bytes).toEqual(before);
    const original = noisyFrame(format);
    pasteRgb(frame, { x: 4, y: 4, width: 20, height: 20 }, crop(20, 20, COLOUR, inside));
    frame.planes.forEach((plane, p) => {
      const sx = frame.spec.width / plane.width;
      const sy = frame.spec.height / plane.height;
      let changed = 0;
      plane.samples.forEach((sample, i) => {
        const x = (i % plane.width) * sx;
        const y = Math.floor(i / plane.width) * sy;
        const same = sample === original.planes[p]!.samples[i];
        if (!same) changed++;
        // Chroma sited left reaches one luma column to either side.
        if (x < 8 - (sx - 1) || x > 15 + (sx - 1) || y < 8 - (sy - 1) || y > 15) expect(same).toBe(true);
      });
      expect(changed).toBeGreaterThan(20 / (sx * sy));
    });
  });

  it('blends half of each at a mask of one half', () => {
    const frame = noisyFrame(format);
    const old = frame.planes[0].samples[10 * 38 + 10]!;
    const full = noisyFrame(format);
    const box = { x: 2, y: 2, width: 24, height: 24 };
    pasteRgb(
      full,
      box,
      crop(24, 24, COLOUR, () => 1),
    );
    pasteRgb(
      frame,
      box,
      crop(24, 24, COLOUR, () => 0.5),
    );
    const expected = (old + full.planes[0].samples[10 * 38 + 10]!) / 2;
    expect(Math.abs(frame.planes[0].samples[10 * 38 + 10]! - expected)).toBeLessThanOrEqual(1);
  });
});

describe('placing a crop', () => {
  it('clips a crop that reaches over the frame', () => {
    const frame = noisyFrame('yuv420p');
    pasteRgb(
      frame,
      { x: -9, y: -7, width: 60, height: 60 },
      crop(60, 60, COLOUR, () => 1),
    );
    expect(new Set(frame.planes[0].samples).size).toBe(1);
    expect(new Set(frame.planes[1].samples).size).toBeLessThanOrEqual(2);
  });

  it('refuses a box that is not in whole pixels of its own size', () => {
    const frame = noisyFrame('yuv420p');
    expect(() =>
      pasteRgb(
        frame,
        { x: 1.5, y: 0, width: 4, height: 4 },
        crop(4, 4, COLOUR, () => 1),
      ),
    ).toThrow(RangeError);
    expect(() =>
      pasteRgb(
        frame,
        { x: 1, y: 0, width: 8, height: 4 },
        crop(4, 4, COLOUR, () => 1),
      ),
    ).toThrow(RangeError);
  });

  it('pastes through an affine map only where the crop lies', () => {
    const frame = noisyFrame('yuv444p');
    const original = noisyFrame('yuv444p');
    // A crop at half size whose top left corner is the plate's (10, 8).
    pasteRgb(
      frame,
      [0.5, 0, -5, 0, 0.5, -4],
      crop(6, 5, COLOUR, () => 1),
    );
    for (let y = 0; y < 30; y++) {
      for (let x = 0; x < 38; x++) {
        const inside = x >= 10 && x < 22 && y >= 8 && y < 18;
        const i = y * 38 + x;
        if (!inside) expect(frame.planes[0].samples[i]).toBe(original.planes[0].samples[i]);
      }
    }
    const read = cropRgb(frame, { x: 12, y: 10, width: 4, height: 4 }, 4, 4);
    expect(Math.abs(read[0]! - COLOUR[0]!)).toBeLessThan(2.1);
  });

  it('keeps 601 and 709 apart', () => {
    const a = noisyFrame('yuv444p', 'tv', 'bt601');
    const b = noisyFrame('yuv444p', 'tv', 'bt709');
    for (const frame of [a, b])
      pasteRgb(
        frame,
        { x: 0, y: 0, width: 8, height: 8 },
        crop(8, 8, [20, 220, 60], () => 1),
      );
    expect(Math.abs(a.planes[0].samples[117]! - b.planes[0].samples[117]!)).toBeGreaterThan(3);
  });
});
