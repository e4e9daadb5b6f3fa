import type { Affine, Frame } from '@understudy/frame';
import { cropRgb, invertAffine } from '@understudy/frame';

import type { HeadRegion } from '../anonymise/head-region.js';
import { eyeCentres, eyeDistance, type Landmarks, rollOf } from '../landmarks/points.js';

/** Side of the crop that the classifier of pixels compares. */
const SIDE = 24;

/** The largest upright square that lies wholly inside a region: 0.84 ** 4 * 2 is just below 1. */
export const INSIDE = 0.84;

/**
 * The covered head as somebody sees it who knows where it is from the cover alone: turned upright, scaled by the region.
 *
 * @param reach how far the crop reaches, in half axes of the region: {@link INSIDE} shows nothing but the cover
 * @returns interleaved R'G'B' of 24 x 24 pixels, 0..255
 */
export function pixelsOf(frame: Frame, region: HeadRegion, reach: number = INSIDE): Float32Array {
  const { centreX, centreY, radiusX, radiusY, cos, sin } = region;
  const across = (2 * reach * radiusX) / SIDE;
  const along = (2 * reach * radiusY) / SIDE;
  const left = -reach * radiusX;
  const top = -reach * radiusY;
  const cropToPlate: Affine = [
    cos * across,
    -sin * along,
    centreX + cos * left - sin * top,
    sin * across,
    cos * along,
    centreY + sin * left + cos * top,
  ];
  return cropRgb(frame, invertAffine(cropToPlate), SIDE, SIDE, 'interleaved');
}

/** The same without its light and contrast: each colour at mean 0, all together at length 1. */
export function withoutLight(pixels: Float32Array): Float32Array {
  const means = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let i = channel; i < pixels.length; i += 3) sum += pixels[i]!;
    return (3 * sum) / pixels.length;
  });
  const centred = pixels.map((value, i) => value - means[i % 3]!);
  const length = Math.hypot(...centred);
  return length < 1e-3 ? centred.fill(0) : centred.map((value) => value / length);
}

/** What the outline of the cover tells, whatever the camera's distance. */
export function outlineOf({ radiusX, radiusY }: HeadRegion): Float64Array {
  return Float64Array.of(Math.log(radiusX / radiusY));
}

/** 68 points with their place, size and roll taken out: the form of a face, as biometrics by geometry use it. */
export function formOf(landmarks: Landmarks): Float64Array {
  const [a, b] = eyeCentres(landmarks);
  const distance = eyeDistance(landmarks);
  const roll = rollOf(landmarks);
  const [cos, sin] = [Math.cos(roll) / distance, Math.sin(roll) / distance];
  const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  return Float64Array.from({ length: landmarks.length }, (_, i) => {
    const [dx, dy] = [landmarks[i - (i % 2)]! - x, landmarks[i - (i % 2) + 1]! - y];
    return i % 2 === 0 ? cos * dx + sin * dy : cos * dy - sin * dx;
  });
}
