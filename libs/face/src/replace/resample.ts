import { createPlane, type FloatPlane } from '../blend/plane.js';

/**
 * Enlarges by a whole factor with Catmull-Rom interpolation, clamped to the range of the four pixels around, so that
 * edges stay crisp without halos.
 */
export function enlargeCubic(plane: FloatPlane, factor: number): FloatPlane {
  if (factor === 1) return plane;
  return enlargeColumns(enlargeRows(plane, factor), factor);
}

/** Catmull-Rom between `b` and `c`, within a little more than their range. */
function between(a: number, b: number, c: number, d: number, t: number): number {
  const sum = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  const slack = Math.abs(b - c) * 0.15;
  const low = (b < c ? b : c) - slack;
  const high = (b < c ? c : b) + slack;
  return sum < low ? low : sum > high ? high : sum;
}

function enlargeRows(plane: FloatPlane, factor: number): FloatPlane {
  const { width, height, data } = plane;
  const out = createPlane(width * factor, height);
  const line = new Float32Array(width + 4);
  for (let y = 0; y < height; y++) {
    for (let x = -2; x < width + 2; x++) line[x + 2] = data[y * width + Math.max(0, Math.min(width - 1, x))]!;
    for (let x = 0; x < out.width; x++) {
      const at = (x + 0.5) / factor - 0.5;
      const left = Math.floor(at);
      const i = left + 2;
      out.data[y * out.width + x] = between(line[i - 1]!, line[i]!, line[i + 1]!, line[i + 2]!, at - left);
    }
  }
  return out;
}

function enlargeColumns(plane: FloatPlane, factor: number): FloatPlane {
  const { width, height, data } = plane;
  const out = createPlane(width, height * factor);
  const rowAt = (y: number): number => Math.max(0, Math.min(height - 1, y)) * width;
  for (let y = 0; y < out.height; y++) {
    const at = (y + 0.5) / factor - 0.5;
    const above = Math.floor(at);
    const [a, b, c, d] = [rowAt(above - 1), rowAt(above), rowAt(above + 1), rowAt(above + 2)];
    for (let x = 0; x < width; x++) {
      out.data[y * width + x] = between(data[a + x]!, data[b + x]!, data[c + x]!, data[d + x]!, at - above);
    }
  }
  return out;
}
