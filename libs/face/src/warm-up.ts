import { allocateFrame } from '@understudy/frame';

import type { FaceModels } from './analyse.js';
import { wholeWindows } from './detect/windows.js';
import { LANDMARK_COUNT } from './landmarks/points.js';

const [WIDTH, HEIGHT] = [640, 360];
const BOX = { x: 220, y: 80, width: 200, height: 200 };
/** Nobody's: points around the box's middle, none on another. */
const LANDMARKS = Array.from({ length: LANDMARK_COUNT }, (_, point) => {
  const turn = (2 * Math.PI * point) / LANDMARK_COUNT;
  return [320 + 60 * Math.cos(turn), 180 + 80 * Math.sin(turn)];
}).flat();

/**
 * Runs each model once on an empty picture: a session allocates its memory, and a provider compiles, at the first run. That
 * is then no task's time.
 */
export async function warmUp({ detector, landmarker, embedder }: FaceModels): Promise<void> {
  const frame = allocateFrame({ width: WIDTH, height: HEIGHT, format: 'yuv420p', matrix: 'bt709', range: 'tv' });
  await detector.detect(frame, wholeWindows(WIDTH, HEIGHT), 1);
  await landmarker.locate(frame, BOX);
  await embedder.embed(frame, LANDMARKS);
}
