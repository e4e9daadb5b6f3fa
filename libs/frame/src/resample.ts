import type { Affine } from './affine.js';
import {
  type AxisTaps,
  type Drawn,
  drawByReads,
  drawSeparable,
  keepDrawn,
  startDrawing,
  takeDrawn,
} from './kernels/resample-kernel.js';

/** A single-channel image; samples are row-major, `width * height` of them. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly samples: Uint8Array | Uint16Array | Float32Array;
}

/**
 * Draws `source` into `out` (row-major, width x height) through `toSource`, which maps output coordinates to source
 * coordinates. Beyond its border the source's edge samples repeat. Shrinking filters first, so that fine texture does
 * not flicker when the crop moves by a fraction of a sample.
 */
export function resample(source: Raster, toSource: Affine, width: number, height: number, out: Float32Array): void {
  startDrawing();
  takeDrawn(draw(source, toSource, width, height), out);
}

/** {@link resample} into the kernel's memory. */
export function draw(source: Raster, toSource: Affine, width: number, height: number): Drawn {
  const [a, b, c, d, e, f] = toSource;
  if (b === 0 && d === 0 && a > 0 && e > 0) return drawSeparable(source, taps(width, a, c), taps(height, e, f));
  return drawTurned(source, toSource, width, height);
}

/** A tent as wide as the step (bilinear when enlarging), and a plain box from a shrink of 1.4, where it is as smooth. */
function taps(size: number, step: number, origin: number): AxisTaps {
  const isBox = step >= 1.4;
  const radius = isBox ? step / 2 : Math.max(1, step);
  const widest = Math.ceil(2 * radius) + 1;
  const first = new Int32Array(size);
  const all = new Float32Array(size * widest);
  let count = 1;
  for (let index = 0; index < size; index++) {
    const centre = (index + 0.5) * step + origin;
    const weightAt = (position: number): number =>
      isBox
        ? Math.max(0, Math.min(position + 1, centre + radius) - Math.max(position, centre - radius))
        : Math.max(0, 1 - Math.abs(position + 0.5 - centre) / radius);
    let start = Math.floor(centre - radius);
    // Most often the outer ones of all possible taps are nothing.
    while (weightAt(start) === 0) start++;
    first[index] = start;
    let sum = 0;
    for (let tap = 0; tap < widest; tap++) {
      const weight = weightAt(start + tap);
      all[index * widest + tap] = weight;
      sum += weight;
      if (weight > 0) count = Math.max(count, tap + 1);
    }
    for (let tap = 0; tap < widest; tap++) all[index * widest + tap]! /= sum;
  }
  const weights = new Float32Array(size * count);
  for (let i = 0; i < weights.length; i++) weights[i] = all[Math.floor(i / count) * widest + (i % count)]!;
  return { first, count, weights };
}

/** A bilinear read blends two samples, so reads this far apart still see every sample. */
const READ_SPACING = 1.5;

/** Supersampled bilinear reads, as many per output sample and axis as leave no source sample unseen. */
function drawTurned(source: Raster, toSource: Affine, width: number, height: number): Drawn {
  const [a, b, c, d, e, f] = toSource;
  const across = Math.max(1, Math.ceil(Math.hypot(a, d) / READ_SPACING - 0.01));
  const down = Math.max(1, Math.ceil(Math.hypot(b, e) / READ_SPACING - 0.01));
  if (liesInside(source, toSource, width, height)) {
    return drawByReads(source, toSource, { across, down }, width, height);
  }
  const out = new Float32Array(width * height);
  const share = 1 / (across * down);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let j = 0; j < down; j++) {
        const v = y + (j + 0.5) / down;
        for (let i = 0; i < across; i++) {
          const u = x + (i + 0.5) / across;
          sum += bilinear(source, a * u + b * v + c, d * u + e * v + f);
        }
      }
      out[y * width + x] = sum * share;
    }
  }
  return keepDrawn(out);
}

/** Whether every read has its four neighbours in the source. */
function liesInside(source: Raster, [a, b, c, d, e, f]: Affine, width: number, height: number): boolean {
  return [0, width].every((u) =>
    [0, height].every((v) => {
      const x = a * u + b * v + c;
      const y = d * u + e * v + f;
      return x >= 0.5 && y >= 0.5 && x <= source.width - 1 && y <= source.height - 1;
    }),
  );
}

/** Bilinear read at a continuous position (sample centres at +0.5), edges repeated. */
export function bilinear(source: Raster, x: number, y: number): number {
  const { width, height, samples } = source;
  const px = x < 0.5 ? 0 : x > width - 0.5 ? width - 1 : x - 0.5;
  const py = y < 0.5 ? 0 : y > height - 0.5 ? height - 1 : y - 0.5;
  const x0 = px | 0;
  const y0 = py | 0;
  const x1 = x0 + 1 < width ? x0 + 1 : x0;
  const row0 = y0 * width;
  const row1 = y0 + 1 < height ? row0 + width : row0;
  const fx = px - x0;
  const fy = py - y0;
  const top = samples[row0 + x0]! * (1 - fx) + samples[row0 + x1]! * fx;
  const bottom = samples[row1 + x0]! * (1 - fx) + samples[row1 + x1]! * fx;
  return top * (1 - fy) + bottom * fy;
}
