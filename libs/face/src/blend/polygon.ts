import { createPlane, type FloatPlane } from './plane.js';

/**
 * Fills a polygon (even-odd rule), antialiased horizontally by coverage and vertically by four scan lines a row.
 *
 * @param points x, y pairs in pixel-centre coordinates: (0, 0) is the middle of the first pixel.
 */
export function fillPolygon(width: number, height: number, points: ArrayLike<number>): FloatPlane {
  const plane = createPlane(width, height);
  const count = points.length / 2;
  const crossings: number[] = [];
  const lines = 4;
  let top = Infinity;
  let bottom = -Infinity;
  for (let i = 1; i < points.length; i += 2) {
    top = Math.min(top, points[i]!);
    bottom = Math.max(bottom, points[i]!);
  }
  const end = Math.min(height, Math.ceil(bottom + 0.5));
  for (let y = Math.max(0, Math.floor(top + 0.5)); y < end; y++) {
    for (let line = 0; line < lines; line++) {
      const at = y + (line + 0.5) / lines - 0.5;
      crossings.length = 0;
      for (let i = 0; i < count; i++) {
        const j = i + 1 === count ? 0 : i + 1;
        const y0 = points[i * 2 + 1]!;
        const y1 = points[j * 2 + 1]!;
        if (y0 <= at === y1 <= at) continue;
        const x0 = points[i * 2]!;
        crossings.push(x0 + ((at - y0) / (y1 - y0)) * (points[j * 2]! - x0) + 0.5);
      }
      crossings.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        addSpan(plane.data, y * width, width, crossings[i]!, crossings[i + 1]!, 1 / lines);
      }
    }
  }
  return plane;
}

function addSpan(data: Float32Array, row: number, width: number, from: number, to: number, weight: number): void {
  const start = Math.max(0, from);
  const end = Math.min(width, to);
  if (end <= start) return;
  const first = Math.floor(start);
  const last = Math.min(width - 1, Math.floor(end));
  if (first === last) {
    data[row + first]! += weight * (end - start);
    return;
  }
  data[row + first]! += weight * (first + 1 - start);
  for (let x = first + 1; x < last; x++) data[row + x]! += weight;
  data[row + last]! += weight * (end - last);
}
