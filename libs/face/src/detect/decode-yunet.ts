import type { DecodeOf } from '@understudy/contracts';
import type { GraphOutput } from '@understudy/inference';

import type { Candidate } from './candidates.js';

/**
 * Faces of YuNet: one anchor a cell. The score is class times object; centres and points are offsets in strides from the
 * cell's upper left corner, sizes exponents of strides.
 *
 * @param outputs classes of every stride, then objects, boxes, points
 */
export function decodeYunet(
  outputs: readonly GraphOutput[],
  { size, strides }: DecodeOf<'yunet'>,
  leastScore: number,
): Candidate[] {
  const found: Candidate[] = [];
  strides.forEach((stride, level) => {
    const [classes, objects, boxes, points] = [0, 1, 2, 3].map((kind) => outputs[level + kind * strides.length]!.data);
    const columns = Math.floor(size / stride);
    for (let i = 0; i < classes!.length; i++) {
      const score = classes![i]! * objects![i]!;
      if (score < leastScore) continue;
      const x = (i % columns) * stride;
      const y = Math.floor(i / columns) * stride;
      const centreX = boxes![4 * i]! * stride + x;
      const centreY = boxes![4 * i + 1]! * stride + y;
      const halfWidth = (Math.exp(boxes![4 * i + 2]!) * stride) / 2;
      const halfHeight = (Math.exp(boxes![4 * i + 3]!) * stride) / 2;
      found.push({
        score,
        left: centreX - halfWidth,
        top: centreY - halfHeight,
        right: centreX + halfWidth,
        bottom: centreY + halfHeight,
        points: Array.from({ length: 10 }, (_, k) => points![10 * i + k]! * stride + (k % 2 === 0 ? x : y)),
      });
    }
  });
  return found;
}
