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
  const { count, first, weights } = down;
  const weightAt = (y: number, tap: number) => (tap < count ? weights[y * count + tap]! : 0);
  for (let y = 0; y < height; y++) {
    const top = first[y]!;
    const at = offset(top);
    const next = offset(top + 1);
    if (count <= 2) mixTwo(row, samples, at, weightAt(y, 0), next, weightAt(y, 1));
    else
      mixFour(row, samples, at, next, offset(top + 2), offset(top + 3), weights.subarray(y * count, (y + 1) * count));
    for (let tap = 4; tap < count; tap++) addRow(row, samples, offset(top + tap), weightAt(y, tap));
    gatherRow(row, left, across, width, out, y * width);
  }
}

function mixTwo(
  row: Float32Array,
  samples: Raster['samples'],
  a: number,
  weightA: number,
  b: number,
  weightB: number,
): void {
  const size = row.length;
  if (weightB === 0 && weightA === 1) for (let x = 0; x < size; x++) row[x] = samples[a + x]!;
  else for (let x = 0; x < size; x++) row[x] = weightA * samples[a + x]! + weightB * samples[b + x]!;
}

/** Four rows at a time, because the sum's loads and stores cost as much as the samples'. */
function mixFour(
  row: Float32Array,
  samples: Raster['samples'],
  a: number,
  b: number,
  c: number,
  d: number,
  weights: Float32Array,
): void {
  const size = row.length;
  const wa = weights[0]!;
  const wb = weights[1]!;
  const wc = weights[2]!;
  const wd = weights[3] ?? 0;
  for (let x = 0; x < size; x++) {
    row[x] = wa * samples[a + x]! + wb * samples[b + x]! + wc * samples[c + x]! + wd * samples[d + x]!;
  }
}

function addRow(row: Float32Array, samples: Raster['samples'], offset: number, weight: number): void {
  if (weight === 0) return;
  const size = row.length;
  for (let x = 0; x < size; x++) row[x]! += weight * samples[offset + x]!;
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
  if (liesInside(source, toSource, width, height)) {
    readInside(source, toSource, width, height, { across, down }, out);
    return;
  }
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
}

/** The same without a look at the border: in one loop, since this is most of what cutting out faces costs. */
function readInside(
  { width: stride, samples }: Raster,
  [a, b, c, d, e, f]: Affine,
  width: number,
  height: number,
  reads: { readonly across: number; readonly down: number },
  out: Float32Array,
): void {
  const columns = width * reads.across;
  const rows = height * reads.down;
  const stepX = 1 / reads.across;
  const share = 1 / (reads.across * reads.down);
  const line = new Float32Array(columns);
  for (let row = 0; row < rows; row++) {
    const v = (row + 0.5) / reads.down;
    const left = b * v + c - 0.5;
    const top = e * v + f - 0.5;
    for (let column = 0; column < columns; column++) {
      const u = (column + 0.5) * stepX;
      const px = a * u + left;
      const py = d * u + top;
      const x0 = px | 0;
      const y0 = py | 0;
      const fx = px - x0;
      const at = y0 * stride + x0;
      const upper = samples[at]! + (samples[at + 1]! - samples[at]!) * fx;
      const lower = samples[at + stride]! + (samples[at + stride + 1]! - samples[at + stride]!) * fx;
      line[column] = upper + (lower - upper) * (py - y0);
    }
    gatherReads(line, reads, row, share, width, out);
  }
}

/** Adds a line of reads to the output samples that they belong to. */
function gatherReads(
  line: Float32Array,
  { across, down }: { readonly across: number; readonly down: number },
  row: number,
  share: number,
  width: number,
  out: Float32Array,
): void {
  const to = Math.floor(row / down) * width;
  if (row % down === 0) out.fill(0, to, to + width);
  for (let x = 0, column = 0; x < width; x++) {
    let sum = 0;
    for (let i = 0; i < across; i++) sum += line[column++]!;
    out[to + x]! += sum * share;
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
