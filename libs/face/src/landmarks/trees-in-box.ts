import type { Box } from '@understudy/frame';

import type { ShapePredictor } from './ert-file.js';
import { locateByTrees } from './ert-landmarker.js';
import type { Landmarker } from './landmarker.js';
import { extentOf, eyeDistance, rollOf, transformLandmarks, type Landmarks } from './points.js';

/** Each pass puts the box where the points of the pass before want it, so that the detector's is forgotten. */
const PASSES = 3;

/** The last pass is looked at from boxes shifted so, in parts of their side: trees jump where the box moves. */
const SHIFTS = [
  [-0.02, 0],
  [0.02, 0],
  [0, -0.02],
  [0, 0.02],
] as const;

/** A landmarker of regression trees for any detector's boxes. dlib trained them on those of its own. */
export function treesLandmarker(predictor: ShapePredictor): Landmarker {
  const mean = extentOf(predictor.initialShape);
  return {
    locate: async (frame, box) => {
      let side = firstBox(box);
      for (let pass = 0; pass < PASSES; pass++) side = boxOfPoints(locateByTrees(predictor, frame, side), mean);
      const seen = SHIFTS.map(([dx, dy]) => locateByTrees(predictor, frame, shifted(side, dx, dy)));
      return meanOf(seen);
    },
    release: async () => {},
  };
}

/** Most detectors draw from the hairline to the chin; dlib's a square, about as large, from above the brows to the chin. */
function firstBox({ x, y, width, height }: Box): Box {
  const side = Math.sqrt(width * height);
  return { x: x + (width - side) / 2, y: y + height - side, width: side, height: side };
}

/** The box in which the trees' mean shape would lie on these points: as wide and as high, with the same middle. */
function boxOfPoints(points: Landmarks, mean: ReturnType<typeof extentOf>): Box {
  // Level, as the mean shape is: a turned face is wider and higher than it is.
  const roll = rollOf(points);
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  const level = extentOf(transformLandmarks(points, [cos, sin, 0, -sin, cos, 0]));
  const across = (level.right - level.left) / (mean.right - mean.left);
  const down = (level.bottom - level.top) / (mean.bottom - mean.top);
  const side = (across + down) / 2;
  const middle = {
    x: (level.left + level.right) / 2 + side * (0.5 - (mean.left + mean.right) / 2),
    y: (level.top + level.bottom) / 2 + side * (0.5 - (mean.top + mean.bottom) / 2),
  };
  const [x, y] = [cos * middle.x - sin * middle.y, sin * middle.x + cos * middle.y];
  return { x: x - side / 2, y: y - side / 2, width: side, height: side };
}

function shifted({ x, y, width, height }: Box, dx: number, dy: number): Box {
  return { x: x + dx * width, y: y + dy * height, width, height };
}

function meanOf(seen: readonly Float64Array[]): { landmarks: Float64Array; spread: number } {
  const landmarks = new Float64Array(seen[0]!.length);
  for (const points of seen) for (let i = 0; i < landmarks.length; i++) landmarks[i]! += points[i]! / seen.length;
  let away = 0;
  for (const points of seen) {
    for (let i = 0; i < landmarks.length; i += 2) {
      away += Math.hypot(points[i]! - landmarks[i]!, points[i + 1]! - landmarks[i + 1]!);
    }
  }
  const spread = away / seen.length / (landmarks.length / 2) / Math.max(1e-6, eyeDistance(landmarks));
  return { landmarks, spread };
}
