import type { Affine } from '@understudy/frame';

import type { Point } from '../landmarks/points.js';

/**
 * Least-squares similarity (scale, rotation, shift; no shear, no reflection) that takes `from` to `to`: Umeyama 1991,
 * "Least-squares estimation of transformation parameters between two point patterns", in two dimensions, where it has
 * a closed form.
 *
 * @throws RangeError when the points coincide.
 */
export function similarityBetween(from: readonly Point[], to: readonly Point[]): Affine {
  const a = centroid(from);
  const b = centroid(to);
  let dot = 0;
  let cross = 0;
  let spread = 0;
  from.forEach((point, i) => {
    const target = to[i]!;
    const [px, py] = [point.x - a.x, point.y - a.y];
    const [qx, qy] = [target.x - b.x, target.y - b.y];
    dot += px * qx + py * qy;
    cross += px * qy - py * qx;
    spread += px * px + py * py;
  });
  if (spread === 0) throw new RangeError('coinciding points have no similarity');
  const cos = dot / spread;
  const sin = cross / spread;
  return [cos, -sin, b.x - cos * a.x + sin * a.y, sin, cos, b.y - sin * a.x - cos * a.y];
}

function centroid(points: readonly Point[]): Point {
  const sum = points.reduce((total, point) => ({ x: total.x + point.x, y: total.y + point.y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}
