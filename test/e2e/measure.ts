import { type FaceModels, facesOfImage } from '@understudy/face';
import type { Frame } from '@understudy/frame';

/** Landmarks of all faces in a frame, found anew: 68 [x, y] in pixels each. */
export async function facesInFrame(models: FaceModels, frame: Frame): Promise<[number, number][][]> {
  const faces = await facesOfImage(models, frame);
  return faces.map(({ landmarks }) =>
    Array.from({ length: 68 }, (_, index): [number, number] => [
      landmarks[2 * index] ?? 0,
      landmarks[2 * index + 1] ?? 0,
    ]),
  );
}

const OUTER_EYE_CORNERS = [36, 45] as const;

/**
 * Mean landmark distance of the nearest face to the truth, in parts of the outer eye distance; 1 where no face is near:
 * an undetected face is the worst there is.
 */
export function landmarkError(
  faces: readonly (readonly (readonly [number, number])[])[],
  truth: readonly (readonly [number, number])[],
): number {
  const [left, right] = OUTER_EYE_CORNERS.map((index) => truth[index] ?? [0, 0]);
  if (left === undefined || right === undefined) throw new Error('the truth has no eyes');
  const eyes = Math.hypot(left[0] - right[0], left[1] - right[1]);
  const errors = faces.map((face) => {
    const distances = face.map(([x, y], index) =>
      Math.hypot(x - (truth[index]?.[0] ?? 0), y - (truth[index]?.[1] ?? 0)),
    );
    return distances.reduce((sum, distance) => sum + distance, 0) / distances.length / eyes;
  });
  return Math.min(1, ...errors);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
