import { describe, expect, it } from 'vitest';
import { allocateFrame, FORMAT_LAYOUTS, type Frame, type FrameSpec, PIXEL_FORMATS, type PixelFormat } from './frame.js';
import { keepUnderMatte } from './matte.js';

const SIZE = { width: 8, height: 4 };
const specOf = (format: PixelFormat, more: Partial<FrameSpec> = {}): FrameSpec => ({
  ...{ ...SIZE, format, matrix: format.startsWith('gbr') ? 'gbr' : 'bt709', range: 'pc' },
  ...more,
});

function filled(spec: FrameSpec, value: (plane: number, x: number, y: number) => number): Frame {
  const frame = allocateFrame(spec);
  frame.planes.forEach(({ width, samples }, plane) => {
    for (let at = 0; at < samples.length; at++) samples[at] = value(plane, at % width, Math.floor(at / width));
  });
  return frame;
}

/** The sample of the formula, by itself. */
const mixed = (before: number, after: number, weight: number): number => Math.round(before + weight * (after - before));

describe('a matte', () => {
  it.each(PIXEL_FORMATS)('of black, grey and white bands keeps none, half and all of the change: %s', (format) => {
    const spec = specOf(format);
    const { bits, chromaShiftX } = FORMAT_LAYOUTS[format];
    const peak = 2 ** bits - 1;
    const plate = filled(spec, (plane, x, y) => (37 * (plane + 1) + 11 * x + 5 * y) % (peak + 1));
    const output = filled(spec, (plane, x, y) => (911 * (plane + 2) + 101 * x + 77 * y) % (peak + 1));
    const after = filled(spec, (plane, x, y) => output.planes[plane]!.samples[y * output.planes[plane]!.width + x]!);
    // An 8-bit matte on a 10-bit plate too: its numbers are shares.
    const matte = filled(specOf('gbrp'), (_, x) => (x < 2 ? 0 : x < 4 ? 128 : 255));
    keepUnderMatte(output, plate, matte);
    output.planes.forEach((plane, index) => {
      const shift = index === 0 ? 0 : chromaShiftX;
      plane.samples.forEach((sample, at) => {
        const [before, changed] = [plate.planes[index]!.samples[at]!, after.planes[index]!.samples[at]!];
        const x = (at % plane.width) << shift;
        const weight = x < 2 ? 0 : x < 4 ? 128 / 255 : 1;
        expect(sample, `plane ${index}, sample ${at}`).toBe(mixed(before, changed, weight));
      });
    });
  });

  it('keeps the low bits of a 10-bit plate under black and of the output under white', () => {
    const spec = specOf('yuv420p10le', { range: 'tv' });
    const plate = filled(spec, () => 513);
    const output = filled(spec, () => 602);
    keepUnderMatte(
      output,
      plate,
      filled(spec, (plane, x) => (plane === 0 ? (x < 4 ? 64 : 940) : 512)),
    );
    expect([...output.planes[0].samples.subarray(0, 8)]).toEqual([513, 513, 513, 513, 602, 602, 602, 602]);
    expect([...output.planes[1].samples.subarray(0, 4)]).toEqual([513, 513, 602, 602]);
  });

  it('of limited range is black up to 16 and white from 235', () => {
    const spec = specOf('yuv444p');
    const values = [0, 16, 17, 125, 126, 234, 235, 255];
    const output = filled(spec, () => 219);
    keepUnderMatte(
      output,
      filled(spec, () => 0),
      filled(specOf('yuv420p', { range: 'tv' }), (plane, x) => (plane === 0 ? values[x]! : 128)),
    );
    expect([...output.planes[0].samples.subarray(0, 8)]).toEqual([0, 0, 1, 109, 110, 218, 219, 219]);
  });

  it('weighs a chroma sample by the mean of what it covers', () => {
    const spec = specOf('yuv420p');
    const output = filled(spec, () => 200);
    const matte = filled(specOf('gbrp'), (_, x, y) => (x === 1 && y === 0 ? 255 : 0));
    keepUnderMatte(
      output,
      filled(spec, () => 100),
      matte,
    );
    expect([...output.planes[0].samples.subarray(0, 3)]).toEqual([100, 200, 100]);
    expect([...output.planes[1].samples]).toEqual([125, 100, 100, 100, 100, 100, 100, 100]);
  });

  it('covers odd edges by the samples that there are', () => {
    const odd = { width: 3, height: 3 };
    const spec = specOf('yuv420p', odd);
    const output = filled(spec, () => 200);
    const matte = filled(specOf('gbrp', odd), (_, x, y) => (x === 2 || y === 2 ? 255 : 0));
    keepUnderMatte(
      output,
      filled(spec, () => 100),
      matte,
    );
    expect([...output.planes[1].samples]).toEqual([100, 200, 200, 200]);
  });

  it('of another size is refused', () => {
    const spec = specOf('yuv420p');
    const other = allocateFrame(specOf('gbrp', { width: 6 }));
    expect(() => keepUnderMatte(allocateFrame(spec), allocateFrame(spec), other)).toThrow(/6x4/);
  });
});
