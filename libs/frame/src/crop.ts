import type { Affine, Box } from './affine.js';
import { boxToCrop, composeAffine, invertAffine } from './affine.js';
import { colourTransform, planeGeometry } from './colour.js';
import type { Frame } from './frame.js';
import { FORMAT_LAYOUTS } from './frame.js';
import { type Drawn, drawnToRgb, startDrawing, takeDrawn } from './kernels/resample-kernel.js';
import { draw } from './resample.js';

/** A crop's place: an upright box of the plate, or the map from plate to crop coordinates. */
export type CropPlace = Box | Affine;

function isAffine(place: CropPlace): place is Affine {
  return Array.isArray(place);
}

/**
 * Cuts an RGB crop out of a frame of any format, sampling only what the crop shows.
 *
 * @param place the plate box to show, or the plate-to-crop affine map (see {@link Affine} for the coordinates).
 * @param into memory for the crop, where it is cut often: `3 * width * height` numbers.
 * @returns R'G'B' of 0..255, not clamped (limited-range samples may lie outside); `planar`: 3 planes of
 * `width * height`, `interleaved`: 3 values a pixel. Beyond the plate its edge samples repeat.
 */
export function cropRgb(
  frame: Frame,
  place: CropPlace,
  width: number,
  height: number,
  order: 'planar' | 'interleaved' = 'planar',
  into?: Float32Array,
): Float32Array {
  const count = width * height;
  const planes = into ?? new Float32Array(3 * count);
  const isGbr = FORMAT_LAYOUTS[frame.spec.format].model === 'gbr';
  startDrawing();
  const drawOf = (plane: 0 | 1 | 2): Drawn => drawPlane(frame, plane, place, width, height);
  const drawn = [drawOf(0), drawOf(1), drawOf(2)] as const;
  if (!isGbr) drawnToRgb(drawn, count, colourTransform(frame.spec));
  drawn.forEach((plane, i) => takeDrawn(plane, planes.subarray(i * count, (i + 1) * count)));
  if (isGbr) gbrToRgb(frame, planes, count);
  return order === 'planar' ? planes : interleave(planes, count);
}

/** The same crop in grey: the frame's luma (for `gbrp` the BT.601 mean of the colours), 0..255. */
export function cropGrey(frame: Frame, place: CropPlace, width: number, height: number): Float32Array {
  if (FORMAT_LAYOUTS[frame.spec.format].model === 'gbr') {
    const rgb = cropRgb(frame, place, width, height);
    const count = width * height;
    const grey = new Float32Array(count);
    for (let i = 0; i < count; i++) grey[i] = 0.299 * rgb[i]! + 0.587 * rgb[count + i]! + 0.114 * rgb[2 * count + i]!;
    return grey;
  }
  const grey = new Float32Array(width * height);
  startDrawing();
  takeDrawn(drawPlane(frame, 0, place, width, height), grey);
  const { lumaOffset, lumaScale } = colourTransform(frame.spec);
  for (let i = 0; i < grey.length; i++) grey[i] = (grey[i]! - lumaOffset) * lumaScale;
  return grey;
}

function drawPlane(frame: Frame, plane: 0 | 1 | 2, place: CropPlace, width: number, height: number): Drawn {
  const cropToPlate = invertAffine(isAffine(place) ? place : boxToCrop(place, width, height));
  const { scaleX, scaleY, shiftX, shiftY } = planeGeometry(frame, plane);
  const toPlane = composeAffine([scaleX, 0, shiftX, 0, scaleY, shiftY], cropToPlate);
  return draw(frame.planes[plane], toPlane, width, height);
}

function gbrToRgb(frame: Frame, planes: Float32Array, count: number): void {
  const { lumaOffset, lumaScale } = colourTransform(frame.spec);
  for (let i = 0; i < count; i++) {
    const green = (planes[i]! - lumaOffset) * lumaScale;
    const blue = (planes[count + i]! - lumaOffset) * lumaScale;
    planes[i] = (planes[2 * count + i]! - lumaOffset) * lumaScale;
    planes[count + i] = green;
    planes[2 * count + i] = blue;
  }
}

function interleave(planes: Float32Array, count: number): Float32Array {
  const out = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    out[3 * i] = planes[i]!;
    out[3 * i + 1] = planes[count + i]!;
    out[3 * i + 2] = planes[2 * count + i]!;
  }
  return out;
}
