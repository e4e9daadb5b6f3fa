import { cropRgb, FORMAT_LAYOUTS, type Box, type Frame } from '@understudy/frame';

import { blurPlane } from '../blend/gaussian.js';
import { createPlane, type FloatPlane } from '../blend/plane.js';
import { ciede2000 } from './colour-difference.js';
import { quantile, type PictureFigures } from './figures.js';

/** The rim is this far inside what changed, as a part of the box's width: where a seam would show. */
const RIM = 0.05;
/** A change this small (0..255) is rounding. */
const CHANGED = 1;

/**
 * Compares a frame with what it was before.
 *
 * @param box everything that may have changed, in whole pixels.
 */
export function comparePicture(before: Frame, after: Frame, box: Box): PictureFigures {
  return { backgroundPsnrDb: backgroundPsnr(before, after, box), ...rimDifference(before, after, box) };
}

/** Peak signal-to-noise ratio of all planes' samples outside the box, in dB; Infinity when they are equal. */
export function backgroundPsnr(before: Frame, after: Frame, box: Box): number {
  const layout = FORMAT_LAYOUTS[before.spec.format];
  let squared = 0;
  let count = 0;
  before.planes.forEach((plane, p) => {
    const other = after.planes[p]!.samples;
    const [sx, sy] = p === 0 ? [0, 0] : [layout.chromaShiftX, layout.chromaShiftY];
    const left = (box.x >> sx) - sx;
    const right = ((box.x + box.width) >> sx) + sx;
    const top = box.y >> sy;
    const bottom = (box.y + box.height + sy) >> sy;
    for (let y = 0; y < plane.height; y++) {
      for (let x = 0; x < plane.width; x++) {
        if (x >= left && x < right && y >= top && y < bottom) continue;
        squared += (plane.samples[y * plane.width + x]! - other[y * plane.width + x]!) ** 2;
        count++;
      }
    }
  });
  const peak = 2 ** layout.bits - 1;
  return squared === 0 ? Infinity : 10 * Math.log10((peak * peak * count) / squared);
}

/** Colour difference of smoothed plate and output along the rim of what changed: CIEDE2000's 95th percentile, CIE 1976's mean. */
export function rimDifference(before: Frame, after: Frame, box: Box): Omit<PictureFigures, 'backgroundPsnrDb'> {
  const { width, height } = box;
  const count = width * height;
  const plate = cropRgb(before, box, width, height);
  const output = cropRgb(after, box, width, height);
  const changed = createPlane(width, height);
  for (let i = 0; i < count; i++) {
    const difference = Math.max(...[0, 1, 2].map((c) => Math.abs(plate[c * count + i]! - output[c * count + i]!)));
    changed.data[i] = difference > CHANGED ? 1 : 0;
  }
  // Holes of the mask (an open mouth) are closed by the wide blur; what is left of the edge band is the outer rim.
  const depth = blurPlane(changed, RIM * width);
  const channels = (rgb: Float32Array): FloatPlane[] =>
    [0, 1, 2].map((c) => blurPlane({ width, height, data: rgb.slice(c * count, (c + 1) * count) }, 0.01 * width));
  const [a, b] = [channels(plate), channels(output)];
  const rim: number[] = [];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    if (depth.data[i]! < 0.4 || depth.data[i]! > 0.7) continue;
    const labA = toLab(a[0]!.data[i]!, a[1]!.data[i]!, a[2]!.data[i]!);
    const labB = toLab(b[0]!.data[i]!, b[1]!.data[i]!, b[2]!.data[i]!);
    rim.push(ciede2000(labA, labB));
    sum += Math.hypot(labA[0] - labB[0], labA[1] - labB[1], labA[2] - labB[2]);
  }
  if (rim.length === 0) return { seamDeltaE: 0, rimDeltaE76: 0 };
  return { seamDeltaE: quantile(rim, 0.95), rimDeltaE76: sum / rim.length };
}

function linear(value: number): number {
  const v = Math.max(0, Math.min(1, value / 255));
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

function bend(t: number): number {
  return t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
}

/** CIE L*a*b* (D65) of sRGB of 0..255. */
export function toLab(red: number, green: number, blue: number): [number, number, number] {
  const [r, g, b] = [red, green, blue].map(linear) as [number, number, number];
  const x = bend((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
  const y = bend(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = bend((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
