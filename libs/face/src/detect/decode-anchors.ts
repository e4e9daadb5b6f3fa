import type { DecodeOf } from '@understudy/contracts';
import type { GraphOutput } from '@understudy/inference';

import type { Candidate } from './candidates.js';

/**
 * Faces of an anchor detector (RetinaFace and SCRFD of InsightFace). For each stride there are scores, distances from the
 * anchor to the box's four edges, and offsets to five points, in strides; anchors lie at the cells' upper left corners,
 * several a cell, row by row.
 *
 * @param outputs scores of every stride, then boxes, then points
 */
export function decodeAnchors(
  outputs: readonly GraphOutput[],
  { size, strides, anchorsPerCell }: DecodeOf<'anchor-detector'>,
  leastScore: number,
): Candidate[] {
  const found: Candidate[] = [];
  strides.forEach((stride, level) => {
    const scores = outputs[level]!.data;
    const boxes = outputs[level + strides.length]!.data;
    const points = outputs[level + 2 * strides.length]!.data;
    const columns = Math.floor(size / stride);
    for (let i = 0; i < scores.length; i++) {
      if (scores[i]! < leastScore) continue;
      const cell = Math.floor(i / anchorsPerCell);
      const x = (cell % columns) * stride;
      const y = Math.floor(cell / columns) * stride;
      found.push({
        score: scores[i]!,
        left: x - boxes[4 * i]! * stride,
        top: y - boxes[4 * i + 1]! * stride,
        right: x + boxes[4 * i + 2]! * stride,
        bottom: y + boxes[4 * i + 3]! * stride,
        points: Array.from({ length: 10 }, (_, k) => points[10 * i + k]! * stride + (k % 2 === 0 ? x : y)),
      });
    }
  });
  return found;
}
