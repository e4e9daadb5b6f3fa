import type { Box } from '@understudy/frame';

import type { Landmarks } from '../landmarks/points.js';
import { extentOf, rollOf, transformLandmarks } from '../landmarks/points.js';

/** What is known of a face that gets covered. Plate pixels. */
export interface CoveredFace {
  readonly landmarks: Landmarks;
  readonly box: Box;
}

/**
 * The part of the plate that is covered: a superellipse |u|^4 + |v|^4 <= 1, turned with the head, so that it holds the
 * corners of a face's box and still has no corners of its own.
 */
export interface HeadRegion {
  readonly centreX: number;
  readonly centreY: number;
  /** Half axes across and along the head, in pixels. */
  readonly radiusX: number;
  readonly radiusY: number;
  /** Of the head's roll, clockwise in the image. */
  readonly cos: number;
  readonly sin: number;
  /** Width of the face itself, in pixels: the measure for blur and cells. */
  readonly faceWidth: number;
}

/** From the brows up to the hairline is about as far as half way from the brows to the chin; hair is above it. */
const FOREHEAD = 0.6;

/** A superellipse of power 4 holds its rectangle's corners from this scale on: 2 ** (1 / 4). */
const HOLDS_CORNERS = 1.19;

const NOSE_TIP = 30;

/** How far behind the outline's last point the ear of a head in profile lies, in parts of the outline's width. */
const EAR_IN_PROFILE = 0.3;

/**
 * A turned head shows the ear and temple of one side, behind the outline that the landmarks follow: the side that the nose
 * points away from.
 */
function earReach({ left, right }: { left: number; right: number }, noseX: number): { left: number; right: number } {
  const width = right - left;
  const turn = Math.min(1, Math.max(-1, (2 * noseX - left - right) / Math.max(1, width)));
  const reach = EAR_IN_PROFILE * Math.abs(turn) * width;
  return turn > 0 ? { left: reach, right: 0 } : { left: 0, right: reach };
}

/**
 * Covers forehead, chin, ears and the whole detector's box.
 *
 * @param margin how far the region reaches beyond them, in parts of the face's height.
 */
export function headRegion(face: CoveredFace, margin: number): HeadRegion {
  const roll = rollOf(face.landmarks);
  const cos = Math.cos(roll);
  const sin = Math.sin(roll);
  const upright = transformLandmarks(face.landmarks, [cos, sin, 0, -sin, cos, 0]);
  const points = extentOf(upright);
  const ears = earReach(points, upright[2 * NOSE_TIP]!);
  const { x, y, width, height } = face.box;
  const corners = extentOf(
    transformLandmarks([x, y, x + width, y, x, y + height, x + width, y + height], [cos, sin, 0, -sin, cos, 0]),
  );
  const left = Math.min(points.left - ears.left, corners.left);
  const right = Math.max(points.right + ears.right, corners.right);
  const top = Math.min(points.top - FOREHEAD * (points.bottom - points.top), corners.top);
  const bottom = Math.max(points.bottom, corners.bottom);
  const beyond = margin * (points.bottom - points.top);
  const [u, v] = [(left + right) / 2, (top + bottom) / 2];
  return {
    centreX: cos * u - sin * v,
    centreY: sin * u + cos * v,
    radiusX: Math.max(((right - left) / 2) * HOLDS_CORNERS, (right - left) / 2 + beyond),
    radiusY: Math.max(((bottom - top) / 2) * HOLDS_CORNERS, (bottom - top) / 2 + beyond),
    cos,
    sin,
    faceWidth: Math.max(points.right - points.left, Math.min(width, height)),
  };
}

/** The soft edge lies outside the region, so that nothing inside shines through. */
const EDGE = 0.06;

/** How much of the cover a point of the plate gets: 1 in the region, 0 beyond its soft edge. */
export function coverAt(region: HeadRegion, x: number, y: number): number {
  const dx = x - region.centreX;
  const dy = y - region.centreY;
  const u = (region.cos * dx + region.sin * dy) / region.radiusX;
  const v = (region.cos * dy - region.sin * dx) / region.radiusY;
  const power = u * u * u * u + v * v * v * v;
  if (power <= 1) return 1;
  const reach = Math.sqrt(Math.sqrt(power)) - 1;
  return reach >= EDGE ? 0 : 1 - reach / EDGE;
}

/** Upright box around the region and its edge, in plate pixels. */
export function regionBounds({ centreX, centreY, radiusX, radiusY, ...turn }: HeadRegion): Box {
  const cos = Math.abs(turn.cos);
  const sin = Math.abs(turn.sin);
  const halfWidth = (1 + EDGE) * (cos * radiusX + sin * radiusY);
  const halfHeight = (1 + EDGE) * (sin * radiusX + cos * radiusY);
  return { x: centreX - halfWidth, y: centreY - halfHeight, width: 2 * halfWidth, height: 2 * halfHeight };
}
