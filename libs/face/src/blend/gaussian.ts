import { blurByWeights } from '../kernels/smooth-kernel.js';
import { createPlane, enlargePlane, reducePlane, type FloatPlane } from './plane.js';

/** From this sigma, in pixels, a blurred plane is so smooth that it is made at a third of its sigma's size. */
const WIDE = 8;

/**
 * Gaussian blur by a separable kernel or, where it is wide, on a reduced plane; borders clamped.
 *
 * @param sigma in pixels; 0 or less returns a copy.
 */
export function blurPlane(plane: FloatPlane, sigma: number): FloatPlane {
  if (sigma <= 0.05) return { width: plane.width, height: plane.height, data: plane.data.slice() };
  if (sigma >= WIDE) return blurReduced(plane, sigma);
  return blurByWeights(plane, halfKernel(sigma));
}

/** A blurred plane that is 0 but in some part of it, at the cost of that part. The result is that of {@link blurPlane}. */
export function blurSpot(
  plane: FloatPlane,
  sigma: number,
): { readonly soft: FloatPlane; readonly x: number; readonly y: number } {
  const { width, height, data } = plane;
  const bounds = boundsOf(plane);
  if (bounds === null) return { soft: createPlane(0, 0), x: 0, y: 0 };
  // Beyond three sigmas the kernel is nothing.
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

/** The Gaussian's weights from its middle outwards, as far as they count. */
export function halfKernel(sigma: number): Float32Array {
  const radius = Math.max(1, Math.ceil(sigma * (sigma <= 2 ? 2.6 : 3)));
  const kernel = new Float32Array(radius + 1);
  let total = 0;
  for (let k = 0; k <= radius; k++) {
    kernel[k] = Math.exp(-(k * k) / (2 * sigma * sigma));
    total += k === 0 ? kernel[k]! : 2 * kernel[k]!;
  }
  for (let k = 0; k <= radius; k++) kernel[k]! /= total;
  return kernel;
}
