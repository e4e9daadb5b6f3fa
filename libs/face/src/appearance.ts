import { fillPolygon } from './blend/polygon.js';
import type { AlignedFace } from './identity/embedder.js';
import type { Landmarks } from './landmarks/points.js';
import { transformLandmarks } from './landmarks/points.js';

export interface LightStats {
  /** R'G'B', 0..255 */
  readonly mean: [number, number, number];
  readonly variance: [number, number, number];
}

/**
 * Edge strength against contrast, 0 (flat or blurred away) to 1: the ratio of neighbouring samples' differences to the
 * spread of all samples, on the aligned crop, where every face has the same size.
 */
export function measureSharpness({ rgb, size }: AlignedFace): number {
  const from = Math.round(size * 0.2);
  const to = Math.round(size * 0.9);
  const green = rgb.subarray(size * size, 2 * size * size);
  let sum = 0;
  let square = 0;
  let edges = 0;
  let count = 0;
  for (let y = from; y < to; y++) {
    for (let x = from; x < to; x++) {
      const value = green[y * size + x]!;
      const laplacian =
        4 * value -
        green[y * size + x - 1]! -
        green[y * size + x + 1]! -
        green[y * size + x - size]! -
        green[y * size + x + size]!;
      edges += laplacian * laplacian;
      sum += value;
      square += value * value;
      count++;
    }
  }
  const variance = square / count - (sum / count) ** 2;
  // 20: the squared gain of the Laplacian for white noise, the sharpest picture there is.
  return variance < 1 ? 0 : Math.min(1, Math.sqrt(edges / count / 20 / variance));
}

/** The jaw and the upper edge of the brows. */
const SKIN_HULL = [...Array.from({ length: 17 }, (_, i) => i), 26, 25, 24, 23, 22, 21, 20, 19, 18, 17];

/** Colour of the face inside its landmarks' hull. */
export function measureLight({ rgb, size, plateToCrop }: AlignedFace, landmarks: Landmarks): LightStats {
  const points = transformLandmarks(landmarks, plateToCrop);
  const hull = SKIN_HULL.flatMap((index) => [points[2 * index]! - 0.5, points[2 * index + 1]! - 0.5]);
  const mask = fillPolygon(size, size, hull).data;
  const mean: [number, number, number] = [0, 0, 0];
  const variance: [number, number, number] = [0, 0, 0];
  for (let channel = 0; channel < 3; channel++) {
    let weight = 0;
    let sum = 0;
    let square = 0;
    for (let i = 0; i < mask.length; i++) {
      const value = rgb[channel * size * size + i]!;
      weight += mask[i]!;
      sum += mask[i]! * value;
      square += mask[i]! * value * value;
    }
    const average = weight === 0 ? 0 : sum / weight;
    mean[channel] = Math.round(average * 100) / 100;
    variance[channel] = weight === 0 ? 0 : Math.round(Math.max(0, square / weight - average * average) * 100) / 100;
  }
  return { mean, variance };
}
