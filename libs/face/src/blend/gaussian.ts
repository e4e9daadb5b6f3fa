import { createPlane, enlargePlane, reducePlane, type FloatPlane } from './plane.js';

/** From this sigma, in pixels, a blurred plane is so smooth that it is made at a third of its sigma's size. */
const WIDE = 8;

/**
 * Gaussian blur by a separable kernel (sigma up to 2 px), three running box means (above) or, where it is wide, on a
 * reduced plane; borders clamped.
 *
 * @param sigma in pixels; 0 or less returns a copy.
 */
export function blurPlane(plane: FloatPlane, sigma: number): FloatPlane {
  if (sigma <= 0.05) return { width: plane.width, height: plane.height, data: plane.data.slice() };
  if (sigma <= 2) return blurByKernel(plane, sigma);
  if (sigma >= WIDE) return blurReduced(plane, sigma);
  const { width, height } = plane;
  const from = plane.data.slice();
  const to = new Float32Array(from.length);
  const radii = boxRadii(sigma);
  boxRows(from, width, height, radii);
  boxColumns(from, to, width, height, radii[0]);
  boxColumns(to, from, width, height, radii[1]);
  boxColumns(from, to, width, height, radii[2]);
  return { width, height, data: to };
}

/** A blurred plane that is 0 but in some part of it, at the cost of that part. The result is that of {@link blurPlane}. */
export function blurSpot(
  plane: FloatPlane,
  sigma: number,
): { readonly soft: FloatPlane; readonly x: number; readonly y: number } {
  const { width, height, data } = plane;
  const bounds = boundsOf(plane);
  if (bounds === null) return { soft: createPlane(0, 0), x: 0, y: 0 };
  // The boxes' tails together reach about three sigmas.
  const reach = Math.ceil(3.2 * sigma) + 2;
  const x = Math.max(0, bounds.left - reach);
  const y = Math.max(0, bounds.top - reach);
  const part = createPlane(Math.min(width, bounds.right + reach) - x, Math.min(height, bounds.bottom + reach) - y);
  for (let row = 0; row < part.height; row++) {
    const from = (y + row) * width + x;
    part.data.set(data.subarray(from, from + part.width), row * part.width);
  }
  return { soft: blurPlane(part, sigma), x, y };
}

export interface Bounds {
  readonly left: number;
  readonly top: number;
  /** One beyond the last column and row. */
  readonly right: number;
  readonly bottom: number;
}

/** Where a plane is not 0; null where it is nowhere. */
export function boundsOf({ width, height, data }: FloatPlane): Bounds | null {
  let left = width;
  let right = 0;
  let top = -1;
  let bottom = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let first = 0;
    while (first < width && data[row + first] === 0) first++;
    if (first === width) continue;
    let last = width - 1;
    while (data[row + last] === 0) last--;
    if (top < 0) top = y;
    bottom = y + 1;
    if (first < left) left = first;
    if (last >= right) right = last + 1;
  }
  return top < 0 ? null : { left, top, right, bottom };
}

function blurReduced(plane: FloatPlane, sigma: number): FloatPlane {
  const factor = Math.floor(sigma / 3);
  const small = blurPlane(reducePlane(plane, factor), reducedSigma(sigma, factor));
  return enlargePlane(small, factor, plane.width, plane.height);
}

/** What is left to blur on a reduced plane: block means and the linear way back blur as well. */
export function reducedSigma(sigma: number, factor: number): number {
  if (factor === 1) return sigma;
  const own = (1 - 1 / (factor * factor)) / 12 + 1 / 6;
  return Math.sqrt(Math.max(0, (sigma / factor) ** 2 - own));
}

/** Three radii whose boxes together have the variance of the Gaussian (after Kovesi 2010). */
function boxRadii(sigma: number): [number, number, number] {
  const ideal = Math.sqrt((12 * sigma * sigma) / 3 + 1);
  const low = Math.floor((ideal - 1) / 2);
  const lowWidth = 2 * low + 1;
  const lowCount = Math.round((12 * sigma * sigma - 3 * lowWidth * lowWidth - 12 * lowWidth - 9) / (-4 * lowWidth - 4));
  const radius = (pass: number): number => (pass < lowCount ? low : low + 1);
  return [radius(0), radius(1), radius(2)];
}

/** In place, all three boxes while a row is at hand. */
function boxRows(data: Float32Array, width: number, height: number, radii: readonly [number, number, number]): void {
  const margin = Math.max(...radii) + 1;
  const line = new Float32Array(width + 2 * margin);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (const radius of radii) {
      line.fill(data[row]!, 0, margin);
      for (let x = 0; x < width; x++) line[margin + x] = data[row + x]!;
      line.fill(data[row + width - 1]!, margin + width);
      const scale = 1 / (2 * radius + 1);
      let sum = 0;
      for (let k = margin - radius; k <= margin + radius; k++) sum += line[k]!;
      for (let x = 0; x < width; x++) {
        data[row + x] = sum * scale;
        sum += line[margin + x + radius + 1]! - line[margin + x - radius]!;
      }
    }
  }
}

function boxColumns(from: Float32Array, to: Float32Array, width: number, height: number, radius: number): void {
  const scale = 1 / (2 * radius + 1);
  const sums = new Float32Array(width);
  for (let k = -radius; k <= radius; k++) {
    const row = Math.max(0, Math.min(height - 1, k)) * width;
    for (let x = 0; x < width; x++) sums[x]! += from[row + x]!;
  }
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const leaving = Math.max(0, y - radius) * width;
    const entering = Math.min(height - 1, y + radius + 1) * width;
    for (let x = 0; x < width; x++) {
      const sum = sums[x]!;
      to[row + x] = sum * scale;
      sums[x] = sum + from[entering + x]! - from[leaving + x]!;
    }
  }
}

function blurByKernel(plane: FloatPlane, sigma: number): FloatPlane {
  const { width, height, data } = plane;
  const radius = Math.max(1, Math.ceil(sigma * 2.6));
  const kernel = halfKernel(sigma, radius);
  const rows = new Float32Array(data.length);
  const line = new Float32Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    line.fill(data[row]!, 0, radius);
    for (let x = 0; x < width; x++) line[radius + x] = data[row + x]!;
    line.fill(data[row + width - 1]!, radius + width);
    for (let x = 0; x < width; x++) {
      const at = x + radius;
      let sum = kernel[0]! * line[at]!;
      for (let k = 1; k <= radius; k++) sum += kernel[k]! * (line[at - k]! + line[at + k]!);
      rows[row + x] = sum;
    }
  }
  const out = createPlane(width, height);
  const sums = out.data;
  for (let y = 0; y < height; y++) {
    const to = y * width;
    const middle = kernel[0]!;
    for (let x = 0; x < width; x++) sums[to + x] = middle * rows[to + x]!;
    for (let k = 1; k <= radius; k++) {
      const above = Math.max(0, y - k) * width;
      const below = Math.min(height - 1, y + k) * width;
      const weight = kernel[k]!;
      for (let x = 0; x < width; x++) sums[to + x]! += weight * (rows[above + x]! + rows[below + x]!);
    }
  }
  return out;
}

/** The Gaussian's weights from its middle outwards. */
function halfKernel(sigma: number, radius: number): Float32Array {
  const kernel = new Float32Array(radius + 1);
  let total = 0;
  for (let k = 0; k <= radius; k++) {
    kernel[k] = Math.exp(-(k * k) / (2 * sigma * sigma));
    total += k === 0 ? kernel[k]! : 2 * kernel[k]!;
  }
  for (let k = 0; k <= radius; k++) kernel[k]! /= total;
  return kernel;
}
