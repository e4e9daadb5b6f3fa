import type { Box } from '@understudy/frame';

export interface Detection {
  /** In plate pixels; may reach beyond the plate. */
  readonly box: Box;
  /** 0..1 */
  readonly score: number;
  /** Found only in a magnified window: a small face. */
  readonly zoomed: boolean;
}

export function intersectionArea(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/** Intersection over union, 0..1. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const shared = intersectionArea(a, b);
  return shared === 0 ? 0 : shared / (a.width * a.height + b.width * b.height - shared);
}

/**
 * Keeps the best of detections that mean the same face: those that overlap by `maxIou`, and those that lie inside a
 * better one (half a face seen by a neighbouring window). Sorted by score, ties by position, so the order of the input
 * does not matter.
 */
export function suppressNonMaximum(detections: readonly Detection[], maxIou = 0.4, maxContained = 0.75): Detection[] {
  const sorted = detections.toSorted((a, b) => b.score - a.score || a.box.x - b.box.x || a.box.y - b.box.y);
  const kept: Detection[] = [];
  for (const candidate of sorted) {
    const area = candidate.box.width * candidate.box.height;
    const repeats = kept.some(
      ({ box }) =>
        intersectionOverUnion(box, candidate.box) > maxIou ||
        intersectionArea(box, candidate.box) > maxContained * Math.min(area, box.width * box.height),
    );
    if (!repeats) kept.push(candidate);
  }
  return kept;
}
