import type { Affine, Box } from './affine.js';
import { composeAffine } from './affine.js';
import { colourTransform, planeGeometry } from './colour.js';
import type { Frame } from './frame.js';
import { FORMAT_LAYOUTS } from './frame.js';
import { addDrawn, drawnToChange, keepDrawn, startDrawing, takeDrawn } from './kernels/resample-kernel.js';
import { draw } from './resample.js';

/** A difference to add to a part of a frame, already weighted by its mask. */
export interface RgbChange {
  readonly width: number;
  readonly height: number;
  /** R plane, G plane, B plane; 255 is the whole range. */
  readonly rgb: Float32Array;
}

/**
 * Adds a change of R'G'B' to a frame's own planes, with the frame's matrix, range and bit depth. Only the change is
 * resampled, never the frame: where it is 0 a sample keeps its value, bit for bit. Nothing is written outside the place.
 *
 * @param place where the change lies: a box in whole pixels, which may reach over the frame's edge. Larger than the change,
 * the change is enlarged linearly.
 */
export function addRgb(frame: Frame, place: Box, change: RgbChange): void {
  toPlaneChange(frame, change);
  const count = change.width * change.height;
  const toChange: Affine = [change.width / place.width, 0, 0, 0, change.height / place.height, 0];
  for (const number of [0, 1, 2] as const) {
    const { scaleX, scaleY, shiftX, shiftY } = planeGeometry(frame, number);
    const plane = frame.planes[number];
    const left = Math.max(0, Math.floor(place.x * scaleX));
    const top = Math.max(0, Math.floor(place.y * scaleY));
    const width = Math.min(plane.width, Math.ceil((place.x + place.width) * scaleX)) - left;
    const height = Math.min(plane.height, Math.ceil((place.y + place.height) * scaleY)) - top;
    if (width <= 0 || height <= 0) continue;
    const toPlace: Affine = [
      1 / scaleX,
      0,
      (left - shiftX) / scaleX - place.x,
      0,
      1 / scaleY,
      (top - shiftY) / scaleY - place.y,
    ];
    const samples = change.rgb.subarray(number * count, (number + 1) * count);
    const source = { width: change.width, height: change.height, samples };
    startDrawing();
    const drawn = draw(source, composeAffine(toChange, toPlace), width, height);
    addDrawn(drawn, plane, { left, top, width, height }, colourTransform(frame.spec).maximum);
  }
}

/** R'G'B' differences become those of the frame's planes, in place. */
function toPlaneChange(frame: Frame, { width, height, rgb }: RgbChange): void {
  const count = width * height;
  const t = colourTransform(frame.spec);
  const planeOf = (index: number): Float32Array => rgb.subarray(index * count, (index + 1) * count);
  if (FORMAT_LAYOUTS[frame.spec.format].model === 'gbr') {
    const red = planeOf(0).slice();
    rgb.copyWithin(0, count);
    planeOf(2).set(red);
    for (let i = 0; i < rgb.length; i++) rgb[i]! /= t.lumaScale;
    return;
  }
  startDrawing();
  const drawn = [keepDrawn(planeOf(0)), keepDrawn(planeOf(1)), keepDrawn(planeOf(2))] as const;
  drawnToChange(drawn, count, t);
  drawn.forEach((plane, i) => takeDrawn(plane, planeOf(i)));
}
