import type { Frame } from '@understudy/frame';
import { FORMAT_LAYOUTS, colourTransform, planeGeometry } from '@understudy/frame';

import type { Cover, PlaneArea } from './covers.js';
import { blurCover, pixelCover, solidCover } from './covers.js';
import type { CoveredFace, HeadRegion } from './head-region.js';
import { coverAt, headRegion, regionBounds } from './head-region.js';

export interface AnonymiseSettings {
  readonly style: 'blur' | 'pixelate' | 'solid';
  /** How far the region reaches beyond face, forehead and chin, in parts of the face's height. */
  readonly margin: number;
}

/**
 * Covers heads in place, in the frame's own planes and bit depth. Samples outside the heads' regions (and their soft edge)
 * are not written.
 */
export function anonymiseFrame(frame: Frame, faces: readonly CoveredFace[], settings: AnonymiseSettings): void {
  for (const face of faces) {
    const region = headRegion(face, settings.margin);
    for (const plane of [0, 1, 2] as const) coverPlane(frame, plane, region, settings.style);
  }
}

function coverPlane(frame: Frame, index: 0 | 1 | 2, region: HeadRegion, style: AnonymiseSettings['style']): void {
  const plane = frame.planes[index];
  const { scaleX, scaleY, shiftX, shiftY } = planeGeometry(frame, index);
  const bounds = regionBounds(region);
  const left = Math.max(0, Math.floor(bounds.x * scaleX + shiftX));
  const top = Math.max(0, Math.floor(bounds.y * scaleY + shiftY));
  const right = Math.min(plane.width, Math.ceil((bounds.x + bounds.width) * scaleX + shiftX));
  const bottom = Math.min(plane.height, Math.ceil((bounds.y + bounds.height) * scaleY + shiftY));
  if (right <= left || bottom <= top) return;
  const area: PlaneArea = { plane, left, top, width: right - left, height: bottom - top };
  const cover = coverOf(frame, index, area, region, style);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const share = coverAt(region, (x + 0.5 - shiftX) / scaleX, (y + 0.5 - shiftY) / scaleY);
      if (share === 0) continue;
      const at = y * plane.width + x;
      const sample = plane.samples[at]!;
      plane.samples[at] = Math.round(sample + share * (cover(x, y) - sample));
    }
  }
}

function coverOf(
  frame: Frame,
  index: 0 | 1 | 2,
  area: PlaneArea,
  region: HeadRegion,
  style: AnonymiseSettings['style'],
): Cover {
  const { scaleX, scaleY } = planeGeometry(frame, index);
  if (style === 'blur') return blurCover(area, region.faceWidth * scaleX, region.faceWidth * scaleY);
  if (style === 'pixelate') return pixelCover(area, region.faceWidth, scaleX, scaleY);
  const { chromaOffset, lumaOffset, lumaScale } = colourTransform(frame.spec);
  const isDifference = index > 0 && FORMAT_LAYOUTS[frame.spec.format].model === 'yuv';
  return solidCover(isDifference ? chromaOffset : lumaOffset + 90 / lumaScale);
}
