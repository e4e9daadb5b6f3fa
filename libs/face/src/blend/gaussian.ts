import { createPlane, type FloatPlane } from './plane.js';

/**
 * Gaussian blur by a separable kernel (sigma up to 2 px) or three running box means (above), borders clamped.
 *
 * @param sigma in pixels; 0 or less returns a copy.
 */
export function blurPlane(plane: FloatPlane, sigma: number): FloatPlane {
  if (sigma <= 0.05) return { ...plane, data: plane.data.slice() };
  if (sigma <= 2) return blurByKernel(plane, sigma);
  const { width, height } = plane;
  let from = plane.data.slice();
  let to = new Float32Array(from.length);
  for (const radius of boxRadii(sigma)) {
    boxRows(from, to, width, height, radius);
    boxColumns(to, from, width, height, radius);
  }
  void to;
  return { width, height, data: from };
}

/** Three radii whose boxes together have the variance of the Gaussian (after Kovesi 2010). */
function boxRadii(sigma: number): number[] {
  const ideal = Math.sqrt((12 * sigma * sigma) / 3 + 1);
  const low = Math.floor((ideal - 1) / 2);
  const lowWidth = 2 * low + 1;
  const lowCount = Math.round((12 * sigma * sigma - 3 * lowWidth * lowWidth - 12 * lowWidth - 9) / (-4 * lowWidth - 4));
  return [0, 1, 2].map((pass) => (pass < lowCount ? low : low + 1));
}

function boxRows(from: Float32Array, to: Float32Array, width: number, height: number, radius: number): void {
  const scale = 1 / (2 * radius + 1);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const last = row + width - 1;
    let sum = 0;
    for (let k = -radius; k <= radius; k++) sum += from[row + Math.max(0, Math.min(width - 1, k))]!;
    for (let x = 0; x < width; x++) {
      to[row + x] = sum * scale;
      const leaving = row + x - radius;
      const entering = row + x + radius + 1;
      sum += from[entering > last ? last : entering]! - from[leaving < row ? row : leaving]!;
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
      to[row + x] = sums[x]! * scale;
      sums[x]! += from[entering + x]! - from[leaving + x]!;
    }
  }
}

function blurByKernel(plane: FloatPlane, sigma: number): FloatPlane {
  const { width, height, data } = plane;
  const radius = Math.max(1, Math.ceil(sigma * 2.6));
  const kernel = new Float32Array(2 * radius + 1);
  let total = 0;
  for (let k = -radius; k <= radius; k++) total += kernel[k + radius] = Math.exp(-(k * k) / (2 * sigma * sigma));
  for (let k = 0; k < kernel.length; k++) kernel[k]! /= total;
  const rows = new Float32Array(data.length);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = -radius; k <= radius; k++) {
        const at = x + k;
        sum += kernel[k + radius]! * data[row + (at < 0 ? 0 : at >= width ? width - 1 : at)]!;
      }
      rows[row + x] = sum;
    }
  }
  const out = createPlane(width, height);
  for (let y = 0; y < height; y++) {
    for (let k = -radius; k <= radius; k++) {
      const from = Math.max(0, Math.min(height - 1, y + k)) * width;
      const weight = kernel[k + radius]!;
      for (let x = 0; x < width; x++) out.data[y * width + x]! += weight * rows[from + x]!;
    }
  }
  return out;
}
