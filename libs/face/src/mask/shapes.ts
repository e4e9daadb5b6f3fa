import type { Affine } from '@understudy/frame';

import { blurPlane } from '../blend/gaussian.js';
import { fillPolygon } from '../blend/polygon.js';
import type { Landmarks } from '../landmarks/points.js';
import { transformLandmarks } from '../landmarks/points.js';

export interface BoxMask {
  /** Width of the soft edge, in parts of the crop's side. */
  readonly feather: number;
  /** Kept free at the top, right, bottom and left, in parts of the crop's side. */
  readonly padding?: readonly [number, number, number, number];
}

/** A soft box over a square crop: 1 inside, 0 along the border, so that nothing ends in an edge. */
export function boxMask(size: number, { feather, padding = [0, 0, 0, 0] }: BoxMask): Float32Array {
  const sigma = Math.max(0.5, (size * feather) / 4);
  const border = Math.max(1, Math.round(2 * sigma));
  const [top, right, bottom, left] = padding.map((part) => border + Math.round(part * size)) as [
    number,
    number,
    number,
    number,
  ];
  const data = new Float32Array(size * size);
  for (let y = top; y < size - bottom; y++)
    data.fill(1, y * size + left, Math.max(y * size + left, (y + 1) * size - right));
  return clearBorder(blurPlane({ width: size, height: size, data }, sigma).data, size);
}

/**
 * A soft mask over the hull of a face's points, up to the brows.
 *
 * @param plateToCrop the crop that the mask is for
 * @param grow how far it reaches beyond the hull, in parts of the hull's size
 */
export function hullMask(
  landmarks: Landmarks,
  plateToCrop: Affine,
  size: number,
  { feather, grow = 0 }: { readonly feather: number; readonly grow?: number },
): Float32Array {
  const points = transformLandmarks(landmarks, plateToCrop);
  const hull = convexHull(points);
  const count = hull.length / 2;
  let [cx, cy] = [0, 0];
  for (let i = 0; i < count; i++) [cx, cy] = [cx + hull[2 * i]! / count, cy + hull[2 * i + 1]! / count];
  // Pixel-centre coordinates from here on.
  const grown = hull.map((value, i) => {
    const centre = i % 2 === 0 ? cx : cy;
    return centre + (value - centre) * (1 + grow) - 0.5;
  });
  return clearBorder(blurPlane(fillPolygon(size, size, grown), (size * feather) / 4).data, size);
}

/** Clockwise hull of x, y pairs (Andrew's monotone chain). */
export function convexHull(points: ArrayLike<number>): number[] {
  const pairs = Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i]!, points[2 * i + 1]!] as const);
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: readonly (readonly [number, number])[]) => {
    const chain: (readonly [number, number])[] = [];
    for (const point of ordered) {
      while (chain.length > 1 && turn(chain.at(-2)!, chain.at(-1)!, point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(pairs), ...half(pairs.toReversed())].flat();
}

function turn(a: readonly [number, number], b: readonly [number, number], c: readonly [number, number]): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/** The outermost samples are 0: what lies on the crop's edge would show it. */
function clearBorder(data: Float32Array, size: number): Float32Array {
  for (let i = 0; i < size; i++) {
    data[i] = data[(size - 1) * size + i] = data[i * size] = data[(i + 1) * size - 1] = 0;
  }
  return data;
}

/** What all masks allow: the least of them at each sample. */
export function combineMasks(first: Float32Array, ...others: readonly Float32Array[]): Float32Array {
  return first.map((value, i) => others.reduce((least, mask) => Math.min(least, mask[i]!), value));
}
