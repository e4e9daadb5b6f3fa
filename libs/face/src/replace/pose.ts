import { CANONICAL_LANDMARKS, CONTROL_COUNT, EXTRA_POINTS, LANDMARK_COUNT } from './canonical-face.js';
import { solveLinear } from './linear.js';

/**
 * How the generic head lies in an image: a scaled orthographic camera fitted to 68 landmarks.
 * Angles in radians; yaw > 0 turns the nose to the image's right, pitch > 0 turns it down, roll > 0 is clockwise.
 */
export interface HeadPose {
  readonly yaw: number;
  readonly pitch: number;
  readonly roll: number;
  /** Pixels per outer-eye-corner distance of the head seen from the front. */
  readonly scale: number;
  /** Rows of the 2x4 affine camera: image x and y from (x, y, z, 1). */
  readonly camera: Float64Array;
}

/** The jaw's points slide along the outline as a head turns, so they count little. */
function weightOf(landmark: number): number {
  return landmark < 17 ? 0.15 : landmark < 48 ? 1 : 0.5;
}

/**
 * Fits the pose by weighted linear least squares of an affine camera, then takes the nearest scaled rotation.
 *
 * @param landmarks 136 numbers, x and y of 68 points, in pixels.
 */
export function fitPose(landmarks: ArrayLike<number>): HeadPose {
  const normal = new Float64Array(16);
  const right = new Float64Array(8);
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const w = weightOf(i);
    const row = [CANONICAL_LANDMARKS[i * 3]!, CANONICAL_LANDMARKS[i * 3 + 1]!, CANONICAL_LANDMARKS[i * 3 + 2]!, 1];
    for (let a = 0; a < 4; a++) {
      for (let b = 0; b < 4; b++) normal[a * 4 + b]! += w * row[a]! * row[b]!;
      right[a * 2]! += w * row[a]! * landmarks[i * 2]!;
      right[a * 2 + 1]! += w * row[a]! * landmarks[i * 2 + 1]!;
    }
  }
  const solved = solveLinear(normal, right, 4, 2);
  const camera = new Float64Array(8);
  for (let a = 0; a < 4; a++) {
    camera[a] = solved[a * 2]!;
    camera[4 + a] = solved[a * 2 + 1]!;
  }
  return { camera, ...anglesOf(camera) };
}

function anglesOf(camera: Float64Array): { yaw: number; pitch: number; roll: number; scale: number } {
  const a = [camera[0]!, camera[1]!, camera[2]!] as const;
  const b = [camera[4]!, camera[5]!, camera[6]!] as const;
  const lengthA = Math.hypot(...a);
  const lengthB = Math.hypot(...b);
  // The two rows made orthogonal by sharing their error equally.
  const dot = (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / (lengthA * lengthB);
  const r1 = normalise(a.map((v, i) => v / lengthA - (dot / 2) * (b[i]! / lengthB)));
  const r2 = normalise(b.map((v, i) => v / lengthB - (dot / 2) * (a[i]! / lengthA)));
  const r3 = [r1[1]! * r2[2]! - r1[2]! * r2[1]!, r1[2]! * r2[0]! - r1[0]! * r2[2]!, r1[0]! * r2[1]! - r1[1]! * r2[0]!];
  const roll = Math.atan2(-r1[1]!, r2[1]!);
  return {
    yaw: Math.atan2(-r3[0]!, r3[2]!),
    pitch: Math.asin(Math.max(-1, Math.min(1, r2[2]! * Math.cos(roll) - r1[2]! * Math.sin(roll)))),
    roll,
    scale: (lengthA + lengthB) / 2,
  };
}

function normalise(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((v) => v / length);
}

/**
 * The points a face is warped by: its 68 landmarks and the extrapolated ones.
 *
 * @returns x, y pairs of {@link CONTROL_COUNT} points, in the landmarks' pixels.
 */
export function controlPoints(landmarks: ArrayLike<number>, pose: HeadPose): Float64Array {
  const controls = new Float64Array(CONTROL_COUNT * 2);
  for (let i = 0; i < LANDMARK_COUNT * 2; i++) controls[i] = landmarks[i]!;
  EXTRA_POINTS.forEach((extra, k) => {
    const point = project(pose.camera, extra.at[0], extra.at[1], extra.at[2]);
    for (const anchor of extra.anchors) {
      const generic = project(
        pose.camera,
        CANONICAL_LANDMARKS[anchor * 3]!,
        CANONICAL_LANDMARKS[anchor * 3 + 1]!,
        CANONICAL_LANDMARKS[anchor * 3 + 2]!,
      );
      point[0] += (landmarks[anchor * 2]! - generic[0]) / extra.anchors.length;
      point[1] += (landmarks[anchor * 2 + 1]! - generic[1]) / extra.anchors.length;
    }
    controls.set(point, (LANDMARK_COUNT + k) * 2);
  });
  return controls;
}

function project(camera: Float64Array, x: number, y: number, z: number): [number, number] {
  return [
    camera[0]! * x + camera[1]! * y + camera[2]! * z + camera[3]!,
    camera[4]! * x + camera[5]! * y + camera[6]! * z + camera[7]!,
  ];
}
