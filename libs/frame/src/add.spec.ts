import { describe, expect, it } from 'vitest';

import { addRgb } from './add.js';
import { cropRgb } from './crop.js';
import { allocateFrame, FORMAT_LAYOUTS, PIXEL_FORMATS, type Frame, type PixelFormat } from './frame.js';

function evenFrame(format: PixelFormat): Frame {
  const { model, bits } = FORMAT_LAYOUTS[format];
  const matrix = model === 'gbr' ? 'gbr' : 'bt709';
  const frame = allocateFrame({ width: 38, height: 30, format, range: 'tv', matrix });
  for (const plane of frame.planes) plane.samples.fill(128 * 2 ** (bits - 8));
  return frame;
}

const CHANGE = [40, -25, 12];

/** A change in columns and rows 4 to 11 of 20 x 20. */
function spot(): { width: number; height: number; rgb: Float32Array } {
  const rgb = new Float32Array(3 * 400);
  for (let i = 0; i < 1200; i++) {
    const [x, y] = [i % 20, Math.floor((i % 400) / 20)];
    if (x >= 4 && x < 12 && y >= 4 && y < 12) rgb[i] = CHANGE[Math.floor(i / 400)]!;
  }
  return { width: 20, height: 20, rgb };
}

describe.each([...PIXEL_FORMATS])('adding to %s', (format) => {
  it('changes the colour by what was given', () => {
    const frame = evenFrame(format);
    const inner = { x: 11, y: 12, width: 3, height: 3 };
    const before = cropRgb(frame, inner, 3, 3);
    addRgb(frame, { x: 4, y: 6, width: 20, height: 20 }, spot());
    const after = cropRgb(frame, inner, 3, 3);
    after.forEach((value, i) => expect(Math.abs(value - before[i]! - CHANGE[Math.floor(i / 9)]!)).toBeLessThan(2.1));
  });

  it('leaves every sample alone that no change lies on', () => {
    const frame = evenFrame(format);
    addRgb(frame, { x: 4, y: 6, width: 20, height: 20 }, spot());
    const untouched = evenFrame(format);
    frame.planes.forEach((plane, p) => {
      const { chromaShiftX, chromaShiftY } = FORMAT_LAYOUTS[format];
      const [shiftX, shiftY] = p === 0 ? [0, 0] : [chromaShiftX, chromaShiftY];
      plane.samples.forEach((sample, i) => {
        const x = (i % plane.width) << shiftX;
        const y = Math.floor(i / plane.width) << shiftY;
        // Subsampled chroma reaches one luma sample further to each side.
        const lies = x >= 8 - shiftX && x < 16 + shiftX && y >= 10 - shiftY && y < 18;
        if (!lies) expect(sample, `plane ${p}, ${x}, ${y}`).toBe(untouched.planes[p]!.samples[i]);
      });
    });
  });

  it('enlarges a change that is smaller than its place, over the frame’s edge too', () => {
    const frame = evenFrame(format);
    const rgb = new Float32Array(3 * 16).fill(30);
    addRgb(frame, { x: 30, y: -4, width: 16, height: 16 }, { width: 4, height: 4, rgb });
    const change = cropRgb(frame, { x: 36, y: 0, width: 2, height: 2 }, 2, 2);
    const plate = cropRgb(evenFrame(format), { x: 36, y: 0, width: 2, height: 2 }, 2, 2);
    change.forEach((value, i) => expect(Math.abs(value - plate[i]! - 30)).toBeLessThan(1.5));
  });
});
