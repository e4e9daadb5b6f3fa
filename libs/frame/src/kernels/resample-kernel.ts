import type { Affine } from '../affine.js';
import type { ColourTransform } from '../colour.js';
import type { Raster } from '../resample.js';
import { instantiateKernel, type KernelExports, KernelMemory } from './kernel-memory.js';
import { WASM_BASE64 } from './resample.wasm.js';

type Samples = Raster['samples'];
type Numbers = readonly number[];

interface ResampleExports extends KernelExports {
  uprightBytes(...args: Numbers): void;
  uprightWords(...args: Numbers): void;
  uprightFloats(...args: Numbers): void;
  turnedBytes(...args: Numbers): void;
  turnedWords(...args: Numbers): void;
  turnedFloats(...args: Numbers): void;
  yuvToRgb(...args: Numbers): void;
  rgbToYuvChange(...args: Numbers): void;
  addToBytes(...args: Numbers): void;
  addToWords(...args: Numbers): void;
}

const kernel = instantiateKernel<ResampleExports>(WASM_BASE64);
const memory = new KernelMemory(kernel.memory);

/** Weights of one axis: for each output sample, `count` source samples in a row. */
export interface AxisTaps {
  /** First source index of each output sample; may lie outside. */
  readonly first: Int32Array;
  readonly count: number;
  /** `count` for each output sample, summing to 1. */
  readonly weights: Float32Array;
}

/** A part of a plane, in whole samples inside it. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where a drawn plane of floats lies in the kernel's memory, until the next {@link startDrawing}. */
export type Drawn = number & { readonly drawn: unique symbol };

/** Forgets all that was drawn. */
export function startDrawing(): void {
  memory.begin();
}

export function takeDrawn(drawn: Drawn, out: Float32Array): void {
  out.set(memory.floats(drawn, out.length));
}

/** For what is drawn elsewhere. */
export function keepDrawn(values: Float32Array): Drawn {
  return keep(values) as Drawn;
}

/** Y', Cb and Cr of `count` samples become R', G', B', in place. */
export function drawnToRgb(planes: readonly [Drawn, Drawn, Drawn], count: number, t: ColourTransform): void {
  const { lumaOffset, lumaScale, chromaOffset, chromaScale, redFromCr, greenFromCb, greenFromCr, blueFromCb } = t;
  const levels = [lumaOffset, lumaScale, chromaOffset, chromaScale];
  kernel.yuvToRgb(...planes, count, ...levels, redFromCr, greenFromCb, greenFromCr, blueFromCb);
}

/** Differences of R', G', B' become those of the samples of Y', Cb and Cr, in place. */
export function drawnToChange(planes: readonly [Drawn, Drawn, Drawn], count: number, t: ColourTransform): void {
  // Y = kr R + kg G + kb B with R = Y + rCr Cr and B = Y + bCb Cb, hence kr = 1 - rCr / 2, kb = 1 - bCb / 2.
  const red = 1 - t.redFromCr / 2;
  const blue = 1 - t.blueFromCb / 2;
  const perChroma = 1 / t.chromaScale;
  const weights = [red, 1 - red - blue, blue] as const;
  kernel.rgbToYuvChange(
    ...planes,
    count,
    ...weights,
    1 / t.lumaScale,
    perChroma / t.blueFromCb,
    perChroma / t.redFromCr,
  );
}

/**
 * Adds a drawn plane to a part of a frame's plane of the same size, which begins at `left`, `top`.
 *
 * @param maximum largest value of a sample
 */
export function addDrawn(
  drawn: Drawn,
  { width: stride, samples }: { readonly width: number; readonly samples: Uint8Array | Uint16Array },
  { left, top, width, height }: Part,
  maximum: number,
): void {
  const isBytes = samples instanceof Uint8Array;
  const line = memory.take(width * samples.BYTES_PER_ELEMENT);
  const view = isBytes ? memory.bytes(line, width) : memory.words(line, width);
  const add = isBytes ? kernel.addToBytes : kernel.addToWords;
  for (let y = 0; y < height; y++) {
    const row = samples.subarray((top + y) * stride + left, (top + y) * stride + left + width);
    view.set(row);
    add(line, drawn + 4 * y * width, width, maximum);
    row.set(view);
  }
}

/** Separable weighted sums of a plane, whose edge samples repeat beyond it. */
export function drawSeparable(
  { width: stride, height: rows, samples }: Raster,
  across: AxisTaps,
  down: AxisTaps,
): Drawn {
  const width = across.first.length;
  const height = down.first.length;
  // What lies wholly beyond an edge is all the edge's sample: a margin as wide as the taps stands for any distance.
  const margin = across.count;
  const acrossTaps = across.count <= 2 ? across.count : Math.ceil(across.count / 4) * 4;
  const columnOf = (first: number) => Math.max(-margin, Math.min(stride - 1, first));
  const from = columnOf(across.first[0]!);
  const columns = columnOf(across.first[width - 1]!) + across.count - from;
  const rowOf = (row: number) => Math.max(0, Math.min(rows - 1, row));
  const top = rowOf(down.first[0]!);
  const left = Math.max(0, Math.min(stride - 1, from));
  const part: Part = {
    left,
    top,
    width: Math.max(1, Math.min(stride, from + columns) - left),
    height: rowOf(down.first[height - 1]! + down.count - 1) + 1 - top,
  };
  const size = samples.BYTES_PER_ELEMENT;
  const source = memory.take(size * columns * part.height);
  load(samples, stride, part, source, columns, left - from);
  const rowAt = memory.take(4 * down.weights.length);
  const offsets = memory.indices(rowAt, down.weights.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let tap = 0; tap < down.count; tap++) offsets[i++] = (rowOf(down.first[y]! + tap) - top) * columns * size;
  }
  const rowWeights = keep(down.weights);
  const columnAt = memory.take(4 * width);
  const starts = memory.indices(columnAt, width);
  for (let x = 0; x < width; x++) starts[x] = columnOf(across.first[x]!) - from;
  const columnWeights = memory.take(4 * acrossTaps * width);
  padTaps(across, acrossTaps, memory.floats(columnWeights, acrossTaps * width));
  const line = memory.take(4 * (columns + acrossTaps + 4));
  memory.floats(line + 4 * columns, acrossTaps + 4).fill(0);
  const result = memory.take(4 * width * height);
  const run =
    samples instanceof Uint8Array ? 'uprightBytes' : samples instanceof Uint16Array ? 'uprightWords' : 'uprightFloats';
  kernel[run](
    source,
    columns,
    rowAt,
    rowWeights,
    down.count,
    columnAt,
    columnWeights,
    acrossTaps,
    width,
    height,
    line,
    result,
  );
  return result as Drawn;
}

/**
 * Means of `across * down` bilinear reads for each output sample.
 *
 * @param toSource output to source coordinates; every read must have its four neighbours in the source.
 */
export function drawByReads(
  { width: stride, height: rows, samples }: Raster,
  toSource: Affine,
  { across, down }: { readonly across: number; readonly down: number },
  width: number,
  height: number,
): Drawn {
  const [a, b, c, d, e, f] = toSource;
  const xs = [c, a * width + c, b * height + c, a * width + b * height + c];
  const ys = [f, d * width + f, e * height + f, d * width + e * height + f];
  const left = Math.max(0, Math.floor(Math.min(...xs) - 0.5));
  const top = Math.max(0, Math.floor(Math.min(...ys) - 0.5));
  const part: Part = {
    left,
    top,
    width: Math.min(stride, Math.ceil(Math.max(...xs)) + 1) - left,
    height: Math.min(rows, Math.ceil(Math.max(...ys)) + 1) - top,
  };
  const bytes = samples.BYTES_PER_ELEMENT * part.width * part.height;
  const source = memory.take(bytes);
  load(samples, stride, part, source, part.width, 0);
  const line = memory.take(4 * (width * across + 4));
  const result = memory.take(4 * width * height);
  const last = part.width * (part.height - 1) - 2;
  const run =
    samples instanceof Uint8Array ? 'turnedBytes' : samples instanceof Uint16Array ? 'turnedWords' : 'turnedFloats';
  kernel[run](source, part.width, a, b, c - left, d, e, f - top, width, height, across, down, last, line, result);
  return result as Drawn;
}

/** The same weights, followed by none. */
function padTaps({ count, weights }: AxisTaps, padded: number, out: Float32Array): void {
  if (count === padded) {
    out.set(weights);
    return;
  }
  out.fill(0);
  for (let i = 0, at = 0; i < weights.length; at += padded)
    for (let tap = 0; tap < count; tap++) out[at + tap] = weights[i++]!;
}

function keep(values: Float32Array): number {
  const at = memory.take(values.byteLength);
  memory.floats(at, values.length).set(values);
  return at;
}

/** Copies a part of a plane into rows of `columns` samples from column `margin` on; edge samples fill what is beside it. */
function load(samples: Samples, stride: number, part: Part, at: number, columns: number, margin: number): void {
  const { left, top, width, height } = part;
  const to =
    samples instanceof Uint8Array
      ? memory.bytes(at, columns * height)
      : samples instanceof Uint16Array
        ? memory.words(at, columns * height)
        : memory.floats(at, columns * height);
  if (width === stride && columns === stride) {
    to.set(samples.subarray(top * stride, (top + height) * stride));
    return;
  }
  for (let y = 0; y < height; y++) {
    const from = (top + y) * stride + left;
    const row = y * columns;
    to.set(samples.subarray(from, from + width), row + margin);
    if (margin > 0) to.fill(samples[from]!, row, row + margin);
    if (margin + width < columns) to.fill(samples[from + width - 1]!, row + margin + width, row + columns);
  }
}
