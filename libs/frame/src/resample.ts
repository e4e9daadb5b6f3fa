import type { Affine } from './affine.js';

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
  const [a, b, , d, e] = toSource;
  if (b === 0 && d === 0 && a > 0 && e > 0) resampleUpright(source, toSource, width, height, out);
  else resampleTurned(source, toSource, width, height, out);
}

interface Taps {
  /** First source index of each output sample, not clamped. */
  readonly first: Int32Array;
  readonly count: number;
  /** `count` weights for each output sample, summing to 1. */
  readonly weights: Float32Array;
}

/** A tent as wide as the step (bilinear when enlarging), and a plain box from a shrink of 1.4, where it is as smooth. */
function taps(size: number, step: number, origin: number): Taps {
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

function resampleUpright(
  source: Raster,
  [a, , c, , e, f]: Affine,
  width: number,
  height: number,
  out: Float32Array,
): void {
  const across = taps(width, a, c);
  const down = taps(height, e, f);
  const lastColumn = source.width - 1;
  const lastRow = source.height - 1;
  const left = Math.min(lastColumn, Math.max(0, across.first[0]!));
  const right = Math.min(lastColumn, Math.max(0, across.first[width - 1]! + across.count - 1));
  const row = new Float32Array(right - left + 1);
  const { samples } = source;
  const offset = (tap: number) => Math.min(lastRow, Math.max(0, tap)) * source.width + left;
  for (let y = 0; y < height; y++) {
    const first = down.first[y]!;
    // Two rows at a time, because the sum's loads and stores cost as much as the samples'.
    for (let tap = 0; tap < down.count; tap += 2) {
      const weight = down.weights[y * down.count + tap]!;
      const next = tap + 1 < down.count ? down.weights[y * down.count + tap + 1]! : 0;
      const at = offset(first + tap);
      if (tap === 0 && next === 0) setRow(row, samples, at, weight);
      else if (tap === 0) setRows(row, samples, at, weight, offset(first + 1), next);
      else if (weight !== 0 || next !== 0) addRows(row, samples, at, weight, offset(first + tap + 1), next);
    }
    gatherRow(row, left, across, width, out, y * width);
  }
}

function setRow(row: Float32Array, samples: Raster['samples'], offset: number, weight: number): void {
  for (let x = 0; x < row.length; x++) row[x] = weight * samples[offset + x]!;
}

function setRows(
  row: Float32Array,
  samples: Raster['samples'],
  offset: number,
  weight: number,
  nextOffset: number,
  nextWeight: number,
): void {
  for (let x = 0; x < row.length; x++) row[x] = weight * samples[offset + x]! + nextWeight * samples[nextOffset + x]!;
}

function addRows(
  row: Float32Array,
  samples: Raster['samples'],
  offset: number,
  weight: number,
  nextOffset: number,
  nextWeight: number,
): void {
  for (let x = 0; x < row.length; x++) {
    row[x]! += weight * samples[offset + x]! + nextWeight * samples[nextOffset + x]!;
  }
}

function gatherRow(row: Float32Array, left: number, across: Taps, width: number, out: Float32Array, at: number): void {
  const last = row.length - 1;
  const { first, count, weights } = across;
  for (let x = 0; x < width; x++) {
    const start = first[x]! - left;
    const w = x * count;
    let sum = 0;
    if (start < 0 || start + count - 1 > last) {
      for (let tap = 0; tap < count; tap++) sum += weights[w + tap]! * row[Math.min(last, Math.max(0, start + tap))]!;
    } else if (count === 2) {
      sum = weights[w]! * row[start]! + weights[w + 1]! * row[start + 1]!;
    } else {
      for (let tap = 0; tap < count; tap++) sum += weights[w + tap]! * row[start + tap]!;
    }
    out[at + x] = sum;
  }
}

/** A bilinear read blends two samples, so reads this far apart still see every sample. */
const READ_SPACING = 1.5;

/** Supersampled bilinear reads, as many per output sample and axis as leave no source sample unseen. */
function resampleTurned(source: Raster, toSource: Affine, width: number, height: number, out: Float32Array): void {
  const [a, b, c, d, e, f] = toSource;
  const across = Math.max(1, Math.ceil(Math.hypot(a, d) / READ_SPACING - 0.01));
  const down = Math.max(1, Math.ceil(Math.hypot(b, e) / READ_SPACING - 0.01));
  const read = liesInside(source, toSource, width, height) ? bilinearInside : bilinear;
  const share = 1 / (across * down);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let j = 0; j < down; j++) {
        const v = y + (j + 0.5) / down;
        for (let i = 0; i < across; i++) {
          const u = x + (i + 0.5) / across;
          sum += read(source, a * u + b * v + c, d * u + e * v + f);
        }
      }
      out[y * width + x] = sum * share;
    }
  }
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

function bilinearInside({ width, samples }: Raster, x: number, y: number): number {
  const px = x - 0.5;
  const py = y - 0.5;
  const x0 = px | 0;
  const y0 = py | 0;
  const fx = px - x0;
  const at = y0 * width + x0;
  const top = samples[at]! + (samples[at + 1]! - samples[at]!) * fx;
  const bottom = samples[at + width]! + (samples[at + width + 1]! - samples[at + width]!) * fx;
  return top + (bottom - top) * (py - y0);
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
