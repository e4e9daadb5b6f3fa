import { thinPlateOnGrid } from '../kernels/smooth-kernel.js';
import { solveLinear } from './linear.js';

/**
 * A smoothing thin-plate spline from the plane to several values (Bookstein 1989; the per-point smoothing after
 * Wahba 1990). One factorisation serves every column of values.
 */
export interface ThinPlate {
  readonly centres: Float64Array;
  /** `(count + 3) * columns`: the kernel weights, then the affine part (1, x, y). */
  readonly weights: Float64Array;
  readonly columns: number;
  /** Coordinates are multiplied by this before the kernel, so that smoothing does not depend on the image's size. */
  readonly unit: number;
}

/**
 * @param points x, y pairs.
 * @param values `count * columns`, row-major.
 * @param smoothing per point, in units: 0 interpolates exactly, larger lets the surface miss the point.
 * @param unit length of one unit in the points' own pixels.
 */
export function fitThinPlate(
  points: Float64Array,
  values: Float64Array,
  columns: number,
  smoothing: Float64Array,
  unit: number,
): ThinPlate {
  const count = points.length / 2;
  const size = count + 3;
  const centres = points.map((v) => v / unit);
  const matrix = new Float64Array(size * size);
  const right = new Float64Array(size * columns);
  for (let i = 0; i < count; i++) {
    const x = centres[i * 2]!;
    const y = centres[i * 2 + 1]!;
    for (let j = 0; j < i; j++) {
      const k = kernel((centres[j * 2]! - x) ** 2 + (centres[j * 2 + 1]! - y) ** 2);
      matrix[i * size + j] = k;
      matrix[j * size + i] = k;
    }
    matrix[i * size + i] = smoothing[i]!;
    const affine = [1, x, y];
    for (let a = 0; a < 3; a++) {
      matrix[i * size + count + a] = affine[a]!;
      matrix[(count + a) * size + i] = affine[a]!;
    }
    for (let c = 0; c < columns; c++) right[i * columns + c] = values[i * columns + c]!;
  }
  return { centres, weights: solveLinear(matrix, right, size, columns), columns, unit: 1 / unit };
}

function kernel(squared: number): number {
  return squared > 1e-12 ? squared * Math.log(squared) : 0;
}

/**
 * Evaluates the spline on a regular grid: exactly at every second node of every second row, by cubic interpolation
 * between them.
 *
 * @param grid with odd numbers of columns and rows.
 * @returns `rows * cols * columns` values; node (r, c) lies at (`x0 + c * step`, `y0 + r * step`).
 */
export function evaluateOnGrid(
  plate: ThinPlate,
  grid: { x0: number; y0: number; step: number; cols: number; rows: number },
): Float32Array {
  const { columns } = plate;
  const { step, cols, rows } = grid;
  // One exact node more on each side, which the cubic needs.
  const across = (cols + 1) / 2 + 2;
  const down = (rows + 1) / 2 + 2;
  const scaled = {
    x0: (grid.x0 - 2 * step) * plate.unit,
    y0: (grid.y0 - 2 * step) * plate.unit,
    step: 2 * step * plate.unit,
  };
  const exact = thinPlateOnGrid(plate.centres, plate.weights, columns, { ...scaled, columns: across, rows: down });
  const lines = new Float32Array(down * cols * columns);
  for (let r = 0; r < down; r++) {
    halveStep(exact, (r * across + 1) * columns, columns, columns, lines, r * cols * columns, columns, cols);
  }
  const out = new Float32Array(rows * cols * columns);
  const row = cols * columns;
  halveStep(lines, row, row, row, out, 0, row, rows);
  return out;
}

/** Spreads runs of `length` values, `stride` apart, to twice as many, the new ones midway between (Catmull-Rom). */
function halveStep(
  from: Float32Array,
  start: number,
  stride: number,
  length: number,
  to: Float32Array,
  toStart: number,
  toStride: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const at = start + (i >> 1) * stride;
    const target = toStart + i * toStride;
    if (i % 2 === 0) {
      for (let k = 0; k < length; k++) to[target + k] = from[at + k]!;
      continue;
    }
    for (let k = 0; k < length; k++) {
      const middle = from[at + k]! + from[at + stride + k]!;
      to[target + k] = (9 * middle - from[at - stride + k]! - from[at + 2 * stride + k]!) / 16;
    }
  }
}
