import type { Box, Frame } from '@understudy/frame';

import { quantile } from './figures.js';

/** A frame before and after. */
export interface Rendered {
  readonly plate: Frame;
  readonly output: Frame;
}

/** Mean change of what was added to the luma, from one frame to the next, inside a box. */
export function addedChange(before: Rendered, now: Rendered, box: Box): number {
  const luma = (frame: Frame) => frame.planes[0].samples;
  const { width, height } = now.plate.planes[0];
  const [oldPlate, oldOutput, plate, output] = [before.plate, before.output, now.plate, now.output].map(luma);
  let sum = 0;
  let count = 0;
  for (let y = box.y; y < Math.min(height, box.y + box.height); y += 1) {
    for (let at = y * width + box.x; at < y * width + Math.min(width, box.x + box.width); at += 1) {
      sum += Math.abs(output![at]! - plate![at]! - (oldOutput![at]! - oldPlate![at]!));
      count += 1;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** The mean step at the borders of ranges over the 95th percentile of those inside them; null where either is missing. */
export function borderRatio({
  inside,
  atBorder,
}: {
  readonly inside: number[];
  readonly atBorder: number[];
}): number | null {
  if (inside.length === 0 || atBorder.length === 0) return null;
  const mean = atBorder.reduce((sum, value) => sum + value, 0) / atBorder.length;
  return mean / Math.max(1e-9, quantile(inside, 0.95));
}
