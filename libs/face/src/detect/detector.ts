import type { Frame } from '@understudy/frame';
import { cropRgb, reusable } from '@understudy/frame';
import type { Model, ModelPack, SessionOptions } from '@understudy/inference';
import { openModel } from '@understudy/inference';

import type { Detection } from './non-maximum.js';
import { suppressNonMaximum } from './non-maximum.js';
import type { Edges, Window } from './windows.js';
import { isCut, isLargeInZoom } from './windows.js';

const INPUT_WIDTH = 320;
const INPUT_HEIGHT = 240;

const inputMemory = reusable();

export interface FaceDetector {
  /**
   * Faces in these windows of the frame, best first, each once.
   *
   * @param leastScore 0..1
   */
  detect(frame: Frame, windows: readonly Window[], leastScore: number): Promise<Detection[]>;
  release(): Promise<void>;
}

/** Opens the pack's detector (Ultra-Light RFB-320: 4420 candidates with scores and boxes in 0..1 of the window). */
export async function openDetector(pack: ModelPack, options: SessionOptions): Promise<FaceDetector> {
  const model = await openModel(pack, 'detector', options);
  return {
    detect: async (frame, windows, leastScore) => {
      const found: Detection[] = [];
      for (const window of windows) found.push(...(await detectInWindow(model, frame, window, leastScore)));
      return suppressNonMaximum(found);
    },
    release: () => model.release(),
  };
}

async function detectInWindow(model: Model, frame: Frame, window: Window, leastScore: number): Promise<Detection[]> {
  const { mean, divisor } = model.manifest;
  const memory = inputMemory(3 * INPUT_WIDTH * INPUT_HEIGHT);
  const input = cropRgb(frame, window.box, INPUT_WIDTH, INPUT_HEIGHT, 'planar', memory);
  const scale = 1 / divisor;
  for (let i = 0; i < input.length; i++) input[i] = (input[i]! - mean) * scale;
  const { scores, boxes } = await model.run({ input });
  if (scores === undefined || boxes === undefined) throw new TypeError('the detector gave no scores or boxes');
  const found: Detection[] = [];
  for (let i = 0; i < scores.length / 2; i++) {
    const score = scores[2 * i + 1]!;
    if (score < leastScore) continue;
    const edges = [boxes[4 * i]!, boxes[4 * i + 1]!, boxes[4 * i + 2]!, boxes[4 * i + 3]!] as const;
    if (!isCut(edges, window) && !isLargeInZoom(edges, window))
      found.push({ box: toPlate(edges, window), score, zoomed: window.zoomed });
  }
  return suppressNonMaximum(found);
}

function toPlate([left, top, right, bottom]: Edges, { box }: Window) {
  return {
    x: box.x + left * box.width,
    y: box.y + top * box.height,
    width: (right - left) * box.width,
    height: (bottom - top) * box.height,
  };
}
