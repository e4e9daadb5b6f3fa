import { CANONICAL_LANDMARKS, CONTROL_COUNT, EXTRA_POINTS, LANDMARK_COUNT, MIRRORED_INDEX } from './canonical-face.js';
import { fitPose, type HeadPose } from './pose.js';
import type { ReplaceSettings } from './settings.js';

/**
 * How a person's face differs from the generic head: x, y offsets of 68 landmarks in the image plane, upright, in
 * outer-eye-corner distances. Made symmetric, because what differs between the sides is mostly the pose's error.
 */
export function personalShape(landmarks: ArrayLike<number>): Float64Array {
  const pose = fitPose(landmarks);
  const offsets = new Float64Array(LANDMARK_COUNT * 2);
  const cos = Math.cos(pose.roll) / pose.scale;
  const sin = Math.sin(pose.roll) / pose.scale;
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const [x, y] = genericAt(pose, i);
    const dx = landmarks[i * 2]! - x;
    const dy = landmarks[i * 2 + 1]! - y;
    offsets[i * 2] = dx * cos + dy * sin;
    offsets[i * 2 + 1] = -dx * sin + dy * cos;
  }
  return symmetric(offsets);
}

function genericAt(pose: HeadPose, i: number): [number, number] {
  const { camera } = pose;
  const [x, y, z] = [CANONICAL_LANDMARKS[i * 3]!, CANONICAL_LANDMARKS[i * 3 + 1]!, CANONICAL_LANDMARKS[i * 3 + 2]!];
  return [
    camera[0]! * x + camera[1]! * y + camera[2]! * z + camera[3]!,
    camera[4]! * x + camera[5]! * y + camera[6]! * z + camera[7]!,
  ];
}

function symmetric(offsets: Float64Array): Float64Array {
  const out = new Float64Array(offsets.length);
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const m = MIRRORED_INDEX[i]!;
    out[i * 2] = (offsets[i * 2]! - offsets[m * 2]!) / 2;
    out[i * 2 + 1] = (offsets[i * 2 + 1]! + offsets[m * 2 + 1]!) / 2;
  }
  return out;
}

/** Median over a track's frames: the person without the expression of the moment. */
export function medianShape(shapes: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(LANDMARK_COUNT * 2);
  for (let k = 0; k < out.length; k++) {
    const values = shapes.map((shape) => shape[k]!).sort((a, b) => a - b);
    out[k] = values[Math.floor(values.length / 2)] ?? 0;
  }
  return out;
}

/** Largest shift of a point, in outer-eye-corner distances. */
const LARGEST_SHIFT = 0.07;

/** How far each part moves from the plate's places to the identity's, 0..1. */
export type ShapeShares = Pick<ReplaceSettings, 'browShare' | 'eyeShare' | 'noseShare'>;

/**
 * Where brows and eyes lie tells a viewer the expression and where the person looks, the nose tells neither: they have
 * shares of their own. The outline and the mouth stay the plate's.
 */
function shareOf(landmark: number, shares: ShapeShares): number {
  if (landmark < 17 || landmark >= 48) return 0;
  if (landmark < 27) return shares.browShare;
  return landmark < 36 ? shares.noseShare : shares.eyeShare;
}

/** Shift of every control point toward the identity's shape, in outer-eye-corner distances, upright. */
export function shapeShift(identity: Float64Array, plate: Float64Array, shares: ShapeShares): Float64Array {
  const shift = new Float64Array(CONTROL_COUNT * 2);
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const share = shareOf(i, shares);
    for (let c = 0; c < 2; c++) {
      const wanted = share * (identity[i * 2 + c]! - plate[i * 2 + c]!);
      shift[i * 2 + c] = Math.max(-LARGEST_SHIFT, Math.min(LARGEST_SHIFT, wanted));
    }
  }
  // Extrapolated points go with the landmarks they follow.
  EXTRA_POINTS.forEach(({ anchors }, k) => {
    for (const anchor of anchors) {
      for (let c = 0; c < 2; c++) shift[(LANDMARK_COUNT + k) * 2 + c]! += shift[anchor * 2 + c]! / anchors.length;
    }
  });
  return shift;
}

/** Control points with a shift applied at the face's own size and roll. */
export function applyShift(controls: Float64Array, shift: Float64Array, pose: HeadPose): Float64Array {
  const cos = Math.cos(pose.roll) * pose.scale;
  const sin = Math.sin(pose.roll) * pose.scale;
  const foreshortening = Math.cos(pose.yaw);
  const out = new Float64Array(controls.length);
  for (let i = 0; i < controls.length; i += 2) {
    const dx = shift[i]! * foreshortening;
    const dy = shift[i + 1]!;
    out[i] = controls[i]! + dx * cos - dy * sin;
    out[i + 1] = controls[i + 1]! + dx * sin + dy * cos;
  }
  return out;
}
