import type { FaceObservation } from '@understudy/contracts';
import { type FaceModels, observeFace } from '../analyse.js';
import { windowsOfFrame } from '../detect/windows.js';
import type { Frame } from '@understudy/frame';

export type ImageFace = Omit<FaceObservation, 'frame'>;

const LEAST_SCORE = 0.7;
const SMALLEST_FACE_PX = 40;
/** A face this much smaller than the main one is somebody in the background, or a picture on the wall. */
const LEAST_SHARE = 0.3;

/** All faces of a picture, by score; those much smaller than the largest left out. */
export async function facesOfImage(models: FaceModels, frame: Frame): Promise<ImageFace[]> {
  const { width, height } = frame.spec;
  // Every window that a clip's frames take in turns.
  const turns = Array.from({ length: 6 }, (_, turn) => windowsOfFrame(width, height, SMALLEST_FACE_PX, turn));
  const windows = turns.flatMap((some, turn) => (turn === 0 ? some : some.filter(({ zoomed }) => zoomed)));
  const found = await models.detector.detect(frame, windows, LEAST_SCORE);
  const largest = Math.max(0, ...found.map(({ box }) => box.height));
  const main = found.filter(({ box }) => box.height >= LEAST_SHARE * largest && box.height >= SMALLEST_FACE_PX);
  const faces: ImageFace[] = [];
  for (const detection of main) faces.push(await observeFace(models, frame, detection, true));
  return faces;
}
