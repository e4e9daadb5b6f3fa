import type { Box, Frame, Raster } from '@understudy/frame';
import { cropGrey } from '@understudy/frame';

import { similarityBetween } from '../identity/similarity.js';
import type { ShapePredictor } from './ert-file.js';
import type { Point } from './points.js';

/** Features lie up to this far outside the box, in parts of it. */
const MARGIN = 0.5;

/** Longest side of the grey crop that features are read from: dlib reads single samples, so no finer than the plate. */
const MAX_SIDE = 1024;

/**
 * The points of the face in a box, by an ensemble of regression trees (Kazemi and Sullivan 2014, as dlib evaluates it).
 * dlib's frontal detector draws tighter boxes than most: brows to chin, as wide as high.
 *
 * @returns x and y in turn, in plate pixels
 */
export function locateByTrees(predictor: ShapePredictor, frame: Frame, box: Box): Float64Array {
  const scale = Math.min(1, MAX_SIDE / ((1 + 2 * MARGIN) * Math.max(box.width, box.height)));
  const left = box.x - MARGIN * box.width;
  const top = box.y - MARGIN * box.height;
  const width = Math.max(1, Math.round((1 + 2 * MARGIN) * box.width * scale));
  const height = Math.max(1, Math.round((1 + 2 * MARGIN) * box.height * scale));
  const crop: Raster = {
    width,
    height,
    samples: cropGrey(frame, { x: left, y: top, width: width / scale, height: height / scale }, width, height),
  };
  const { spec } = frame;
  const greyAt = (x: number, y: number): number => {
    const plateX = box.x + x * box.width;
    const plateY = box.y + y * box.height;
    if (plateX < 0 || plateY < 0 || plateX >= spec.width || plateY >= spec.height) return 0;
    const column = Math.floor((plateX - left) * scale);
    const row = Math.floor((plateY - top) * scale);
    if (column < 0 || row < 0 || column >= width || row >= height) return 0;
    return crop.samples[row * width + column]!;
  };
  const shape = predictShape(predictor, greyAt);
  return Float64Array.from(shape, (value, i) => (i % 2 === 0 ? box.x + value * box.width : box.y + value * box.height));
}

/**
 * Runs the cascades.
 *
 * @param greyAt the picture's grey, 0..255, at a place in parts of the face's box; 0 outside the picture
 * @returns x and y in turn, in parts of the box
 */
export function predictShape(predictor: ShapePredictor, greyAt: (x: number, y: number) => number): Float32Array {
  const { initialShape, cascades } = predictor;
  const shape = initialShape.slice();
  for (const { trees, anchors, deltas } of cascades) {
    const [a, b, d, e] = turnBetween(initialShape, shape);
    const features = Float32Array.from(anchors, (anchor, i) => {
      const dx = deltas[2 * i]!;
      const dy = deltas[2 * i + 1]!;
      return greyAt(a * dx + b * dy + shape[2 * anchor]!, d * dx + e * dy + shape[2 * anchor + 1]!);
    });
    for (const tree of trees) {
      const splits = tree.threshold.length;
      let at = 0;
      while (at < splits) {
        const goesLeft = features[tree.first[at]!]! - features[tree.second[at]!]! > tree.threshold[at]!;
        at = 2 * at + (goesLeft ? 1 : 2);
      }
      const leaf = (at - splits) * shape.length;
      for (let i = 0; i < shape.length; i++) shape[i]! += tree.leaves[leaf + i]!;
    }
  }
  return shape;
}

/** Scale and turn from the initial shape to the present one; features move with the face. */
function turnBetween(from: Float32Array, to: Float32Array): readonly [number, number, number, number] {
  if (from.length <= 2) return [1, 0, 0, 1];
  const points = (shape: Float32Array): Point[] =>
    Array.from({ length: shape.length / 2 }, (_, i) => ({ x: shape[2 * i]!, y: shape[2 * i + 1]! }));
  const [a, b, , d, e] = similarityBetween(points(from), points(to));
  return [a, b, d, e];
}
