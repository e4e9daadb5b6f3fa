import type { FaceObservation } from '@understudy/contracts';
import type { Frame } from '@understudy/frame';

import { type FaceModels, observeFace } from '../analyse.js';
import type { Detection } from '../detect/non-maximum.js';
import { farWindow, wholeWindows, zoomWindows } from '../detect/windows.js';

export type ImageFace = Omit<FaceObservation, 'frame'>;

const LEAST_SCORE = 0.7;
const SMALLEST_FACE_PX = 40;
/** A face this much smaller than the main one is somebody in the background, or a picture on the wall. */
const LEAST_SHARE = 0.3;
/** Where the landmark model's views disagree by this part of the eye distance, they see no face at all. */
const NO_FACE_SPREAD = 0.15;

/** All faces of a picture, by score; those much smaller than the largest left out. */
export async function facesOfImage(models: FaceModels, frame: Frame): Promise<ImageFace[]> {
  const found = await detectStill(models, frame);
  const largest = Math.max(0, ...found.map(({ box }) => box.height));
  const main = found.filter(({ box }) => box.height >= LEAST_SHARE * largest && box.height >= SMALLEST_FACE_PX);
  const faces: ImageFace[] = [];
  for (const detection of main) faces.push(await observeFace(models, frame, detection, true));
  return faces.filter(({ spread = 0 }) => spread <= NO_FACE_SPREAD);
}

/** The whole picture, its magnified parts, and, where that shows nothing, the picture from further away. */
async function detectStill({ detector }: FaceModels, frame: Frame): Promise<Detection[]> {
  const { width, height } = frame.spec;
  const near = [...wholeWindows(width, height), ...zoomWindows(width, height, SMALLEST_FACE_PX)];
  const found = await detector.detect(frame, near, LEAST_SCORE);
  return found.length > 0 ? found : detector.detect(frame, [farWindow(width, height)], LEAST_SCORE);
}
