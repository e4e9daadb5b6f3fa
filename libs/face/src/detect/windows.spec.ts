import { describe, expect, test } from 'vitest';

import { suppressNonMaximum } from './non-maximum.js';
import { ZOOM_PERIOD, wholeWindows, windowsOfFrame, zoomWindows } from './windows.js';

const SIZES = [
  [1920, 1080],
  [1280, 720],
  [480, 908],
  [3840, 2160],
  [2880, 800],
] as const;

const key = (windows: ReturnType<typeof zoomWindows>) => windows.map(({ box }) => JSON.stringify(box)).toSorted();

describe('windows', () => {
  for (const [width, height] of SIZES) {
    test(`show each point of ${width}x${height} near the detector's own aspect`, () => {
      for (const windows of [wholeWindows(width, height), zoomWindows(width, height, 24)]) {
        for (const { box } of windows) {
          expect(box.width / box.height).toBeGreaterThan(0.6);
          expect(box.width / box.height).toBeLessThan(2.5);
        }
        for (let x = 0; x <= width; x += width / 40) {
          for (let y = 0; y <= height; y += height / 40) {
            const seen = windows.some(
              ({ box }) =>
                x >= box.x - 0.01 &&
                y >= box.y - 0.01 &&
                x <= box.x + box.width + 0.01 &&
                y <= box.y + box.height + 0.01,
            );
            expect(windows.length === 0 || seen).toBe(true);
          }
        }
      }
    });

    test(`magnify each part of ${width}x${height} once in a period, by the frame's number alone`, () => {
      const turns = Array.from({ length: ZOOM_PERIOD }, (_, i) => windowsOfFrame(width, height, 24, 600 + i));
      expect(key(turns.flat().filter(({ zoomed }) => zoomed))).toEqual(key(zoomWindows(width, height, 24)));
      expect(windowsOfFrame(width, height, 24, 606)).toEqual(windowsOfFrame(width, height, 24, 600));
    });
  }
});

test('of detections that mean one face the best stays, and the order given does not matter', () => {
  const at = (x: number, width: number, score: number) => ({
    box: { x, y: 0, width, height: width },
    score,
    zoomed: false,
  });
  const whole = at(0, 100, 0.99);
  const half = at(5, 45, 0.8);
  const shifted = at(20, 100, 0.9);
  const other = at(300, 100, 0.7);
  const kept = [whole, other];
  expect(suppressNonMaximum([half, other, shifted, whole])).toEqual(kept);
  expect(suppressNonMaximum([whole, shifted, other, half])).toEqual(kept);
});
