import type { Box, Frame } from '@understudy/frame';

import type { FaceModels } from '../analyse.js';
import type { Detection } from '../detect/non-maximum.js';
import { wholeWindows } from '../detect/windows.js';
import { pointAt } from '../landmarks/points.js';
import { fitPose } from '../replace/pose.js';

/** One face as it is found in a frame, knowing nothing of how the frame was made. */
export interface MeasuredFace {
  /** 136 numbers, plate pixels. */
  readonly landmarks: Float64Array;
  readonly embedding: Float32Array;
  /** Gap between the inner lips over the distance of the outer eye corners. */
  readonly mouthOpening: number;
  readonly yawDeg: number;
}

const LEAST_SCORE = 0.5;
/** Overlap (intersection over union) with the expected place from which a detection is that face. */
const LEAST_OVERLAP = 0.25;

/**
 * Detects faces in the whole frame afresh and measures the one at the expected place.
 *
 * @param expected box of the plate's face; the best detection of all when absent.
 * @returns undefined where no face is detected there.
 */
export async function measureFace(
  models: FaceModels,
  frame: Frame,
  expected?: Box,
): Promise<(MeasuredFace & { readonly box: Box }) | undefined> {
  const found = await models.detector.detect(frame, wholeWindows(frame.spec.width, frame.spec.height), LEAST_SCORE);
  const detection = expected === undefined ? found[0] : closest(found, expected);
  if (detection === undefined) return undefined;
  const { landmarks } = await models.landmarker.locate(frame, detection.box);
  const embedding = await models.embedder.embed(frame, landmarks);
  return {
    box: detection.box,
    landmarks,
    embedding,
    mouthOpening: mouthOpening(landmarks),
    yawDeg: (fitPose(landmarks).yaw * 180) / Math.PI,
  };
}

function closest(found: readonly Detection[], expected: Box): Detection | undefined {
  return found
    .map((detection) => ({ detection, overlap: overlapOf(detection.box, expected) }))
    .filter(({ overlap }) => overlap >= LEAST_OVERLAP)
    .sort((a, b) => b.overlap - a.overlap)[0]?.detection;
}

function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (a.width * a.height + b.width * b.height - width * height);
}

/** Distance of the outer eye corners: the unit of landmark errors here. */
export function outerEyeDistance(landmarks: ArrayLike<number>): number {
  return Math.hypot(landmarks[72]! - landmarks[90]!, landmarks[73]! - landmarks[91]!);
}

function mouthOpening(landmarks: Float64Array): number {
  const gap = ([upper, lower]: readonly [number, number]): number => {
    const a = pointAt(landmarks, upper);
    const b = pointAt(landmarks, lower);
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  const gaps = (
    [
      [61, 67],
      [62, 66],
      [63, 65],
    ] as const
  ).map(gap);
  return gaps.reduce((sum, value) => sum + value, 0) / gaps.length / Math.max(1e-6, outerEyeDistance(landmarks));
}
