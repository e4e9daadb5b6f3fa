import type { Affine, Box } from './affine.js';
import { composeAffine } from './affine.js';
import { colourTransform, planeGeometry } from './colour.js';
import type { Frame } from './frame.js';
import { FORMAT_LAYOUTS } from './frame.js';
import { resample } from './resample.js';

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
    const values = new Float32Array(width * height);
    const source = { width: change.width, height: change.height, samples };
    resample(source, composeAffine(toChange, toPlace), width, height, values);
    const maximum = 2 ** FORMAT_LAYOUTS[frame.spec.format].bits - 1;
    addValues(plane.samples, top * plane.width + left, plane.width, values, width, maximum);
  }
}

function addValues(
  samples: Uint8Array | Uint16Array,
  offset: number,
  stride: number,
  values: Float32Array,
  width: number,
  maximum: number,
): void {
  for (let from = 0, row = offset; from < values.length; from += width, row += stride) {
    for (let x = 0; x < width; x++) {
      const value = values[from + x]!;
      if (value === 0) continue;
      const sum = samples[row + x]! + value;
      samples[row + x] = sum <= 0 ? 0 : sum >= maximum ? maximum : Math.round(sum);
    }
  }
}

/** R'G'B' differences become those of the frame's planes, in place. */
function toPlaneChange(frame: Frame, { width, height, rgb }: RgbChange): void {
  const count = width * height;
  const t = colourTransform(frame.spec);
  const perLuma = 1 / t.lumaScale;
  const perChroma = 1 / t.chromaScale;
  const isGbr = FORMAT_LAYOUTS[frame.spec.format].model === 'gbr';
  // Y = kr R + kg G + kb B with R = Y + rCr Cr and B = Y + bCb Cb, hence kr = 1 - rCr / 2, kb = 1 - bCb / 2.
  const red = 1 - t.redFromCr / 2;
  const blue = 1 - t.blueFromCb / 2;
  const green = 1 - red - blue;
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [rgb[i]!, rgb[count + i]!, rgb[2 * count + i]!];
    if (isGbr) {
      rgb[i] = g * perLuma;
      rgb[count + i] = b * perLuma;
      rgb[2 * count + i] = r * perLuma;
      continue;
    }
    const y = red * r + green * g + blue * b;
    rgb[i] = y * perLuma;
    rgb[count + i] = ((b - y) / t.blueFromCb) * perChroma;
    rgb[2 * count + i] = ((r - y) / t.redFromCr) * perChroma;
  }
}
