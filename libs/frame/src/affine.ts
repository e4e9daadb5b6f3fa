/**
 * A plane affine map `[a, b, c, d, e, f]`: x' = a x + b y + c, y' = d x + e y + f.
 *
 * Coordinates are continuous: sample (column, row) covers [column, column + 1) x [row, row + 1), its centre lies at
 * (column + 0.5, row + 0.5). The plate's left edge is x = 0, its right edge x = width.
 */
export type Affine = readonly [number, number, number, number, number, number];

/** A rectangle in continuous pixel coordinates; may reach beyond the frame. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** @throws RangeError when the map has no inverse. */
export function invertAffine([a, b, c, d, e, f]: Affine): Affine {
  const determinant = a * e - b * d;
  if (!Number.isFinite(determinant) || determinant === 0) throw new RangeError('the affine map has no inverse');
  const s = 1 / determinant;
  return [e * s, -b * s, (b * f - c * e) * s, -d * s, a * s, (c * d - a * f) * s];
}

/** The map that applies `first`, then `second`. */
export function composeAffine(second: Affine, first: Affine): Affine {
  const [a, b, c, d, e, f] = second;
  const [p, q, r, s, t, u] = first;
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

export function applyAffine([a, b, c, d, e, f]: Affine, x: number, y: number): [number, number] {
  return [a * x + b * y + c, d * x + e * y + f];
}

/** Plate to crop, for a crop of `width` x `height` that shows exactly the box. */
export function boxToCrop(box: Box, width: number, height: number): Affine {
  const sx = width / box.width;
  const sy = height / box.height;
  return [sx, 0, -box.x * sx, 0, sy, -box.y * sy];
}
