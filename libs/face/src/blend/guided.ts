import { blurPlane } from './gaussian.js';
import { createPlane, type FloatPlane } from './plane.js';

/**
 * Smooths speckle and keeps edges in a plane of log values: the self-guided filter (He, Sun and Tang 2013) with Gaussian windows.
 *
 * @param sigma of the window, in pixels.
 * @param speckle linear amplitude that is smoothed away, so more of the log where it is dark; edges well above it stay.
 */
export function smoothKeepingEdges(plane: FloatPlane, sigma: number, speckle: number): FloatPlane {
  const squares = createPlane(plane.width, plane.height);
  for (let i = 0; i < squares.data.length; i++) squares.data[i] = plane.data[i]! ** 2;
  const mean = blurPlane(plane, sigma);
  const meanSquare = blurPlane(squares, sigma);
  const slope = createPlane(plane.width, plane.height);
  const offset = createPlane(plane.width, plane.height);
  for (let i = 0; i < slope.data.length; i++) {
    const variance = Math.max(0, meanSquare.data[i]! - mean.data[i]! ** 2);
    const floor = speckle * Math.exp(-mean.data[i]!);
    slope.data[i] = variance / (variance + floor * floor);
    offset.data[i] = mean.data[i]! * (1 - slope.data[i]!);
  }
  const slopes = blurPlane(slope, sigma);
  const offsets = blurPlane(offset, sigma);
  for (let i = 0; i < plane.data.length; i++) {
    offsets.data[i]! += slopes.data[i]! * plane.data[i]!;
  }
  return offsets;
}
