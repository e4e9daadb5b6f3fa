import type { Affine, Box } from './affine.js';
import { applyAffine, composeAffine, invertAffine } from './affine.js';
import { colourTransform, type ColourTransform } from './colour.js';
import type { CropPlace } from './crop.js';
import type { Frame, Plane } from './frame.js';
import { FORMAT_LAYOUTS } from './frame.js';
import { resample } from './resample.js';

/** An RGB crop to write back: planar R'G'B' of 0..255 and a mask of 0..1, all `width * height`. */
export interface MaskedCrop {
  readonly width: number;
  readonly height: number;
  /** R plane, G plane, B plane. */
  readonly rgb: Float32Array;
  /** 1 writes the crop, 0 leaves the frame's samples as they are, bit for bit. */
  readonly mask: Float32Array;
}

/**
 * Blends an RGB crop into a frame's own planes under a mask, with the frame's matrix, range and bit depth.
 * A chroma sample is blended with the mean of the crop over the pixels it is sited among, weighted by the mask there; where
 * the mask is 0 over all of them it keeps its value. Nothing is written outside the crop.
 *
 * @param place where the crop lies: an upright box in whole pixels of the crop's own size (may reach over the frame's
 * edge), or the plate-to-crop affine map, through which crop and mask are resampled first.
 * @throws RangeError when an upright box is not in whole pixels or not of the crop's size.
 */
export function pasteRgb(frame: Frame, place: CropPlace, crop: MaskedCrop): void {
  if (isAffine(place)) {
    pasteAffine(frame, place, crop);
    return;
  }
  const whole = [place.x, place.y, place.width, place.height].every(Number.isInteger);
  if (!whole || place.width !== crop.width || place.height !== crop.height) {
    throw new RangeError('a crop is pasted into whole pixels of its own size, or through an affine map');
  }
  const transform = colourTransform(frame.spec);
  if (FORMAT_LAYOUTS[frame.spec.format].model === 'gbr') pasteGbr(frame, place, crop, transform);
  else pasteYuv(frame, place, crop, transform);
}

function isAffine(place: CropPlace): place is Affine {
  return Array.isArray(place);
}

function pasteAffine(frame: Frame, plateToCrop: Affine, crop: MaskedCrop): void {
  const cropToPlate = invertAffine(plateToCrop);
  const corners = [
    [0, 0],
    [crop.width, 0],
    [0, crop.height],
    [crop.width, crop.height],
  ].map(([x, y]) => applyAffine(cropToPlate, x!, y!));
  const left = Math.max(0, Math.floor(Math.min(...corners.map((corner) => corner[0]))));
  const top = Math.max(0, Math.floor(Math.min(...corners.map((corner) => corner[1]))));
  const right = Math.min(frame.spec.width, Math.ceil(Math.max(...corners.map((corner) => corner[0]))));
  const bottom = Math.min(frame.spec.height, Math.ceil(Math.max(...corners.map((corner) => corner[1]))));
  const box: Box = { x: left, y: top, width: right - left, height: bottom - top };
  if (box.width <= 0 || box.height <= 0) return;
  const count = box.width * box.height;
  const toCrop = composeAffine(plateToCrop, [1, 0, left, 0, 1, top]);
  const rgb = new Float32Array(3 * count);
  const size = crop.width * crop.height;
  for (let c = 0; c < 3; c++) {
    const source = { width: crop.width, height: crop.height, samples: crop.rgb.subarray(c * size, (c + 1) * size) };
    resample(source, toCrop, box.width, box.height, rgb.subarray(c * count, (c + 1) * count));
  }
  const mask = new Float32Array(count);
  resample({ width: crop.width, height: crop.height, samples: crop.mask }, toCrop, box.width, box.height, mask);
  // Resampling repeats the crop's edge; beyond the crop there is nothing to write.
  for (let i = 0; i < count; i++) {
    const [x, y] = applyAffine(toCrop, (i % box.width) + 0.5, Math.floor(i / box.width) + 0.5);
    if (x < 0 || y < 0 || x > crop.width || y > crop.height) mask[i] = 0;
  }
  pasteRgb(frame, box, { width: box.width, height: box.height, rgb, mask });
}

function pasteGbr(frame: Frame, box: Box, crop: MaskedCrop, t: ColourTransform): void {
  const count = crop.width * crop.height;
  const order = [1, 2, 0];
  order.forEach((channel, plane) => {
    const values = crop.rgb.subarray(channel * count, (channel + 1) * count);
    blendFull(frame.planes[plane]!, box, values, crop.mask, 1 / t.lumaScale, t.lumaOffset, t.maximum);
  });
}

function pasteYuv(frame: Frame, box: Box, crop: MaskedCrop, t: ColourTransform): void {
  const count = crop.width * crop.height;
  const luma = new Float32Array(count);
  const cb = new Float32Array(count);
  const cr = new Float32Array(count);
  // Y = kr R + kg G + kb B with R = Y + rCr Cr and B = Y + bCb Cb, hence kr = 1 - rCr / 2, kb = 1 - bCb / 2.
  const red = 1 - t.redFromCr / 2;
  const blue = 1 - t.blueFromCb / 2;
  const green = 1 - red - blue;
  for (let i = 0; i < count; i++) {
    if (crop.mask[i] === 0) continue;
    const y = red * crop.rgb[i]! + green * crop.rgb[count + i]! + blue * crop.rgb[2 * count + i]!;
    luma[i] = y;
    cb[i] = (crop.rgb[2 * count + i]! - y) / t.blueFromCb;
    cr[i] = (crop.rgb[i]! - y) / t.redFromCr;
  }
  blendFull(frame.planes[0], box, luma, crop.mask, 1 / t.lumaScale, t.lumaOffset, t.maximum);
  const { chromaShiftX, chromaShiftY } = FORMAT_LAYOUTS[frame.spec.format];
  for (const [plane, values] of [
    [frame.planes[1], cb],
    [frame.planes[2], cr],
  ] as const) {
    if (chromaShiftX === 0 && chromaShiftY === 0) {
      blendFull(plane, box, values, crop.mask, 1 / t.chromaScale, t.chromaOffset, t.maximum);
    } else {
      blendSubsampled(plane, box, values, crop.mask, {
        scale: 1 / t.chromaScale,
        offset: t.chromaOffset,
        maximum: t.maximum,
        shiftY: chromaShiftY,
      });
    }
  }
}

function blendFull(
  plane: Plane,
  box: Box,
  values: Float32Array,
  mask: Float32Array,
  scale: number,
  offset: number,
  maximum: number,
): void {
  const firstX = Math.max(0, -box.x);
  const lastX = Math.min(box.width, plane.width - box.x);
  const lastY = Math.min(box.height, plane.height - box.y);
  for (let y = Math.max(0, -box.y); y < lastY; y++) {
    const from = y * box.width;
    const to = (y + box.y) * plane.width + box.x;
    for (let x = firstX; x < lastX; x++) {
      const weight = mask[from + x]!;
      if (weight === 0) continue;
      const old = plane.samples[to + x]!;
      plane.samples[to + x] = rounded(old + weight * (values[from + x]! * scale + offset - old), maximum);
    }
  }
}

function rounded(value: number, maximum: number): number {
  return value <= 0 ? 0 : value >= maximum ? maximum : Math.round(value);
}

/** Horizontally subsampled chroma, sited on the even luma columns: taps 1 2 1 across, and both rows where 4:2:0. */
function blendSubsampled(
  plane: Plane,
  box: Box,
  values: Float32Array,
  mask: Float32Array,
  levels: { scale: number; offset: number; maximum: number; shiftY: 0 | 1 },
): void {
  const rows = 1 << levels.shiftY;
  const firstX = Math.max(0, (box.x - 1) >> 1);
  const lastX = Math.min(plane.width - 1, (box.x + box.width) >> 1);
  const firstY = Math.max(0, box.y >> levels.shiftY);
  const lastY = Math.min(plane.height - 1, (box.y + box.height - 1) >> levels.shiftY);
  for (let cy = firstY; cy <= lastY; cy++) {
    for (let cx = firstX; cx <= lastX; cx++) {
      let weight = 0;
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        const y = (cy << levels.shiftY) + row - box.y;
        if (y < 0 || y >= box.height) continue;
        for (let tap = -1; tap <= 1; tap++) {
          const x = 2 * cx + tap - box.x;
          if (x < 0 || x >= box.width) continue;
          const share = (mask[y * box.width + x]! * (tap === 0 ? 2 : 1)) / (4 * rows);
          weight += share;
          sum += share * values[y * box.width + x]!;
        }
      }
      if (weight === 0) continue;
      const at = cy * plane.width + cx;
      const old = plane.samples[at]!;
      const blended = old * (1 - weight) + sum * levels.scale + weight * levels.offset;
      plane.samples[at] = rounded(blended, levels.maximum);
    }
  }
}
