import type { FaceDetector } from './detector.js';
import { suppressNonMaximum } from './non-maximum.js';
import type { PackDetector } from './pack-detector.js';
import { edgesIn, isCut, isLargeInZoom } from './windows.js';

/** A pack's detector where the built-in one stands: the same windows of a frame, what is found in several of them once. */
export function windowDetector(detector: PackDetector, release: () => Promise<void>): FaceDetector {
  return {
    detect: async (frame, windows, leastScore) => {
      const found = [];
      for (const window of windows) {
        for (const { box, score } of await detector.detect(frame, leastScore, window.box)) {
          const edges = edgesIn(box, window);
          if (!isCut(edges, window) && !isLargeInZoom(edges, window)) found.push({ box, score, zoomed: window.zoomed });
        }
      }
      return suppressNonMaximum(found);
    },
    release,
  };
}
