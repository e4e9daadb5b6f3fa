import { createPlane, type FloatPlane } from '../blend/plane.js';

/**
 * Enlarges by a whole factor with Catmull-Rom interpolation, clamped to the range of the four pixels around, so that
 * edges stay crisp without halos.
 */
export function enlargeCubic(plane: FloatPlane, factor: number): FloatPlane {
  if (factor === 1) return plane;
  return transpose(enlargeRows(transpose(enlargeRows(plane, factor)), factor));
}

function enlargeRows(plane: FloatPlane, factor: number): FloatPlane {
  const out = createPlane(plane.width * factor, plane.height);
  for (let x = 0; x < out.width; x++) {
    const at = (x + 0.5) / factor - 0.5;
    const left = Math.floor(at);
    const t = at - left;
    const index = [-1, 0, 1, 2].map((k) => Math.max(0, Math.min(plane.width - 1, left + k)));
    const weights = [
      ((-t + 2) * t - 1) * t * 0.5,
      ((3 * t - 5) * t * t + 2) * 0.5,
      ((-3 * t + 4) * t + 1) * t * 0.5,
      (t - 1) * t * t * 0.5,
    ];
    for (let y = 0; y < plane.height; y++) {
      const row = y * plane.width;
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += weights[k]! * plane.data[row + index[k]!]!;
      const a = plane.data[row + index[1]!]!;
      const b = plane.data[row + index[2]!]!;
      const slack = Math.abs(a - b) * 0.15;
      out.data[y * out.width + x] = Math.max(Math.min(a, b) - slack, Math.min(Math.max(a, b) + slack, sum));
    }
  }
  return out;
}

function transpose(plane: FloatPlane): FloatPlane {
  const out = createPlane(plane.height, plane.width);
  for (let y = 0; y < plane.height; y++) {
    for (let x = 0; x < plane.width; x++) out.data[x * plane.height + y] = plane.data[y * plane.width + x]!;
  }
  return out;
}
