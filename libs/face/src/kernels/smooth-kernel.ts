import { instantiateKernel, type KernelExports, KernelMemory } from '@understudy/frame';

import type { FloatPlane } from '../blend/plane.js';
import { WASM_BASE64 } from './face.wasm.js';

type Numbers = readonly number[];

interface SmoothExports extends KernelExports {
  blur(...args: Numbers): void;
  thinPlateRow(...args: Numbers): void;
}

const kernel = instantiateKernel<SmoothExports>(WASM_BASE64);
const memory = new KernelMemory(kernel.memory);

function keep(values: Float32Array): number {
  const at = memory.take(values.byteLength);
  memory.floats(at, values.length).set(values);
  return at;
}

/** @param weights of a symmetric kernel from its middle outwards, for rows and columns alike. */
export function blurByWeights({ width, height, data }: FloatPlane, weights: Float32Array): FloatPlane {
  const radius = weights.length - 1;
  memory.begin();
  const from = keep(data);
  const half = keep(weights);
  const line = memory.take(4 * (width + 2 * radius));
  const rows = memory.take(data.byteLength);
  const out = memory.take(data.byteLength);
  if (data.length > 0) kernel.blur(from, width, height, half, radius, line, rows, out);
  return { width, height, data: memory.floats(out, data.length).slice() };
}

/** Points of a thin-plate spline on a regular grid: (`x0 + c * step`, `y0 + r * step`). */
export interface PlatePoints {
  readonly x0: number;
  readonly y0: number;
  readonly step: number;
  readonly columns: number;
  readonly rows: number;
}

/**
 * @param centres x, y pairs.
 * @param weights `(centres + 3) * values`: the kernel weights, then the affine part (1, x, y).
 * @returns `values` numbers a point, row by row.
 */
export function thinPlateOnGrid(
  centres: Float64Array,
  weights: Float64Array,
  values: number,
  { x0, y0, step, columns, rows }: PlatePoints,
): Float32Array {
  memory.begin();
  const at = keep(Float32Array.from(centres));
  const by = keep(Float32Array.from(weights));
  const sums = memory.take(16 * values);
  const padded = Math.ceil(columns / 4) * 4;
  const line = memory.take(4 * padded * values);
  const out = new Float32Array(rows * columns * values);
  for (let row = 0; row < rows; row++) {
    kernel.thinPlateRow(at, centres.length / 2, by, values, x0, step, y0 + row * step, padded, sums, line);
    out.set(memory.floats(line, columns * values), row * columns * values);
  }
  return out;
}
