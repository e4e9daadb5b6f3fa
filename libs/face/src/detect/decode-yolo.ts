import type { GraphOutput } from '@understudy/inference';

import type { Candidate } from './candidates.js';

/** Rows of YOLO-face's output: centre, size, score, then x, y and visibility of five points. */
const ROWS = 20;

/** @param output `[1, 20, anchors]`, in pixels of the input */
export function decodeYolo(output: GraphOutput, leastScore: number): Candidate[] {
  const { data } = output;
  const count = data.length / ROWS;
  const at = (row: number, i: number) => data[row * count + i]!;
  const found: Candidate[] = [];
  for (let i = 0; i < count; i++) {
    const score = at(4, i);
    if (score < leastScore) continue;
    const [halfWidth, halfHeight] = [at(2, i) / 2, at(3, i) / 2];
    found.push({
      score,
      left: at(0, i) - halfWidth,
      top: at(1, i) - halfHeight,
      right: at(0, i) + halfWidth,
      bottom: at(1, i) + halfHeight,
      points: [0, 1, 2, 3, 4].flatMap((k) => [at(5 + 3 * k, i), at(6 + 3 * k, i)]),
    });
  }
  return found;
}
