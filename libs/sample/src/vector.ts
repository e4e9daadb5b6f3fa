/** x to the right of the picture, y down, z toward the viewer. */
export interface Point3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export interface Point2 {
  readonly x: number;
  readonly y: number;
}

/** Exactly `from` at 0 and exactly `to` at 1. */
export const lerp = (from: number, to: number, t: number): number => from * (1 - t) + to * t;

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** 0 below `from`, 1 above `to`, smooth between. */
export function smoothstep(from: number, to: number, value: number): number {
  const t = clamp((value - from) / (to - from), 0, 1);
  return t * t * (3 - 2 * t);
}

export const gaussian = (distance: number, sigma: number): number =>
  Math.exp((-distance * distance) / (2 * sigma * sigma));

export const mix2 = (a: Point2, b: Point2, t: number): Point2 => ({ x: lerp(a.x, b.x, t), y: lerp(a.y, b.y, t) });

export const centroid = (points: readonly Point2[]): Point2 => ({
  x: points.reduce((sum, point) => sum + point.x, 0) / points.length,
  y: points.reduce((sum, point) => sum + point.y, 0) / points.length,
});

/** Value at `t` in [0, 1] of a Catmull-Rom curve through the knots, spaced evenly. */
export function curveThrough(knots: readonly number[], t: number): number {
  const last = knots.length - 1;
  const position = clamp(t, 0, 1) * last;
  const index = Math.min(Math.floor(position), last - 1);
  const local = position - index;
  const knot = (i: number): number => knots[clamp(i, 0, last)] ?? 0;
  const [a, b, c, d] = [knot(index - 1), knot(index), knot(index + 1), knot(index + 2)];
  return b + 0.5 * local * (c - a + local * (2 * a - 5 * b + 4 * c - d + local * (3 * (b - c) + d - a)));
}
