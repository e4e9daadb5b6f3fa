import type { Affine } from '@understudy/frame';

/** 68 points in iBUG order, x and y in turn: 136 numbers, in plate pixels. */
export type Landmarks = readonly number[] | Float32Array | Float64Array;

export const LANDMARK_COUNT = 68;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export function pointAt(landmarks: Landmarks, index: number): Point {
  return { x: landmarks[2 * index]!, y: landmarks[2 * index + 1]! };
}

export function meanPoint(landmarks: Landmarks, indices: readonly number[]): Point {
  let x = 0;
  let y = 0;
  for (const index of indices) {
    x += landmarks[2 * index]!;
    y += landmarks[2 * index + 1]!;
  }
  return { x: x / indices.length, y: y / indices.length };
}

const EYE_A = [36, 37, 38, 39, 40, 41];
const EYE_B = [42, 43, 44, 45, 46, 47];

/** Centres of the eyes: first the one on the image's left for an upright face. */
export function eyeCentres(landmarks: Landmarks): [Point, Point] {
  return [meanPoint(landmarks, EYE_A), meanPoint(landmarks, EYE_B)];
}

/** Distance of the eyes' centres, in pixels: the unit landmark errors are given in. */
export function eyeDistance(landmarks: Landmarks): number {
  const [a, b] = eyeCentres(landmarks);
  return Math.hypot(b.x - a.x, b.y - a.y);
}

/** Roll of the head in radians: 0 upright, positive when it turns clockwise in the image. */
export function rollOf(landmarks: Landmarks): number {
  const [a, b] = eyeCentres(landmarks);
  return Math.atan2(b.y - a.y, b.x - a.x);
}

export function transformLandmarks(landmarks: Landmarks, [a, b, c, d, e, f]: Affine): Float64Array {
  const out = new Float64Array(landmarks.length);
  for (let i = 0; i < landmarks.length; i += 2) {
    const x = landmarks[i]!;
    const y = landmarks[i + 1]!;
    out[i] = a * x + b * y + c;
    out[i + 1] = d * x + e * y + f;
  }
  return out;
}

const span = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** The point of the mirrored face that each point becomes. */
const MIRRORED: readonly number[] = [
  ...span(0, 16).toReversed(),
  ...span(17, 26).toReversed(),
  ...span(27, 30),
  ...span(31, 35).toReversed(),
  45,
  44,
  43,
  42,
  47,
  46,
  39,
  38,
  37,
  36,
  41,
  40,
  ...span(48, 54).toReversed(),
  ...span(55, 59).toReversed(),
  ...span(60, 64).toReversed(),
  ...span(65, 67).toReversed(),
];

/** Landmarks found in a picture that was mirrored at x = 0, as landmarks of the picture itself. */
export function unmirror(landmarks: Landmarks): Float64Array {
  const out = new Float64Array(landmarks.length);
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const from = MIRRORED[i]!;
    out[2 * i] = -landmarks[2 * from]!;
    out[2 * i + 1] = landmarks[2 * from + 1]!;
  }
  return out;
}

export interface Extent {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function extentOf(landmarks: Landmarks): Extent {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < landmarks.length; i += 2) {
    left = Math.min(left, landmarks[i]!);
    right = Math.max(right, landmarks[i]!);
    top = Math.min(top, landmarks[i + 1]!);
    bottom = Math.max(bottom, landmarks[i + 1]!);
  }
  return { left, top, right, bottom };
}

/**
 * Rough turn of the head in degrees, positive when the nose points to the image's right: how far the nose tip lies off
 * the middle of the outer eye corners, for a nose that stands out by about 0.6 of half their distance.
 */
export function yawDegrees(landmarks: Landmarks): number {
  const roll = rollOf(landmarks);
  const along = (point: Point) => point.x * Math.cos(roll) + point.y * Math.sin(roll);
  const left = along(pointAt(landmarks, 36));
  const right = along(pointAt(landmarks, 45));
  const nose = along(pointAt(landmarks, 30));
  const half = Math.max(1e-6, (right - left) / 2);
  return (Math.atan((nose - (left + right) / 2) / half / 0.6) * 180) / Math.PI;
}
