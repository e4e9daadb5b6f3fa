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
 * Evaluates the spline on a regular grid.
 *
 * @returns `rows * cols * columns` values; node (r, c) lies at (`x0 + c * step`, `y0 + r * step`).
 */
export function evaluateOnGrid(
  plate: ThinPlate,
  grid: { x0: number; y0: number; step: number; cols: number; rows: number },
): Float32Array {
  const { centres, weights, columns, unit } = plate;
  const count = centres.length / 2;
  const out = new Float32Array(grid.cols * grid.rows * columns);
  const sums = new Float64Array(columns);
  for (let r = 0; r < grid.rows; r++) {
    const y = (grid.y0 + r * grid.step) * unit;
    for (let c = 0; c < grid.cols; c++) {
      const x = (grid.x0 + c * grid.step) * unit;
      const affine = count * columns;
      for (let k = 0; k < columns; k++) {
        sums[k] = weights[affine + k]! + weights[affine + columns + k]! * x + weights[affine + 2 * columns + k]! * y;
      }
      for (let i = 0; i < count; i++) {
        const dx = centres[i * 2]! - x;
        const dy = centres[i * 2 + 1]! - y;
        const squared = dx * dx + dy * dy;
        if (squared < 1e-12) continue;
        const basis = squared * Math.log(squared);
        const base = i * columns;
        for (let k = 0; k < columns; k++) sums[k]! += weights[base + k]! * basis;
      }
      out.set(sums, (r * grid.cols + c) * columns);
    }
  }
  return out;
}
