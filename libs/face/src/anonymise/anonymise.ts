import type { AnonymiseStyle } from '@understudy/contracts';
import type { Frame } from '@understudy/frame';
import { planeGeometry } from '@understudy/frame';

import type { Cover } from './covers.js';
import { blurCover, pixelCover, solidCover } from './covers.js';
import type { CoveredFace, HeadRegion } from './head-region.js';
import { coverShare, headRegion, placeIn, regionBounds } from './head-region.js';
import { strangerCover } from './stranger-cover.js';
import { bearingOf, type Stranger } from './stranger.js';

/** A face to cover, and with the style `stranger` whose face is shown in its place; without one it is covered plainly. */
export interface FaceToCover extends CoveredFace {
  readonly stranger?: Stranger | undefined;
  /** Of the track, for the stranger: see {@link bearingOf}. */
  readonly usualPitch?: number | undefined;
}

export interface AnonymiseSettings {
  readonly style: AnonymiseStyle;
  /** How far the region reaches beyond face, forehead and chin, in parts of the face's height. */
  readonly margin: number;
  /** What the cover's own structure is made from; the same for all frames of a shot. */
  readonly seed?: number;
}

/**
 * Covers heads in place, in the frame's own planes and bit depth. Samples outside the heads' regions (and their soft edge)
 * are not written; what is written inside does not depend on the samples there.
 */
export function anonymiseFrame(frame: Frame, faces: readonly FaceToCover[], settings: AnonymiseSettings): void {
  for (const face of faces) {
    const region = headRegion(face, settings.margin);
    layCover(frame, region, coverOf(face, region, settings));
  }
}

function coverOf(face: FaceToCover, region: HeadRegion, { style, margin, seed = 0 }: AnonymiseSettings): Cover {
  if (style === 'stranger') {
    const { stranger, landmarks, usualPitch } = face;
    if (stranger === undefined) return solidCover;
    return strangerCover(region, margin, bearingOf(landmarks, usualPitch), stranger) ?? solidCover;
  }
  if (style === 'solid') return solidCover;
  if (style === 'blur') return blurCover(seed);
  return pixelCover(seed, region.radiusX, (x, y) => placeIn(region, x, y));
}

/** Writes a cover over a region, in every plane. */
export function layCover(frame: Frame, region: HeadRegion, cover: Cover): void {
  for (const plane of [0, 1, 2] as const) coverPlane(frame, plane, region, cover);
}

function coverPlane(frame: Frame, index: 0 | 1 | 2, region: HeadRegion, cover: Cover): void {
  const plane = frame.planes[index];
  const { scaleX, scaleY, shiftX, shiftY } = planeGeometry(frame, index);
  const bounds = regionBounds(region);
  const left = Math.max(0, Math.floor(bounds.x * scaleX + shiftX));
  const top = Math.max(0, Math.floor(bounds.y * scaleY + shiftY));
  const right = Math.min(plane.width, Math.ceil((bounds.x + bounds.width) * scaleX + shiftX));
  const bottom = Math.min(plane.height, Math.ceil((bounds.y + bounds.height) * scaleY + shiftY));
  const sampleAt = cover(frame.spec, index);
  const { centreX, centreY, radiusX, radiusY, cos, sin } = region;
  for (let row = top; row < bottom; row++) {
    const y = (row + 0.5 - shiftY) / scaleY;
    for (let column = left; column < right; column++) {
      const x = (column + 0.5 - shiftX) / scaleX;
      const u = (cos * (x - centreX) + sin * (y - centreY)) / radiusX;
      const v = (cos * (y - centreY) - sin * (x - centreX)) / radiusY;
      const share = coverShare(u, v);
      if (share === 0) continue;
      const at = row * plane.width + column;
      const sample = plane.samples[at]!;
      plane.samples[at] = Math.round(sample + share * (sampleAt(x, y, u, v) - sample));
    }
  }
}
