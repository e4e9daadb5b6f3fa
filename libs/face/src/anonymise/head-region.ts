import type { Box } from '@understudy/frame';

import type { Landmarks } from '../landmarks/points.js';
import { extentOf, rollOf, transformLandmarks } from '../landmarks/points.js';
import { fitPose } from '../replace/pose.js';

/** What is known of a face that gets covered. Plate pixels. */
export interface CoveredFace {
  readonly landmarks: Landmarks;
  readonly box: Box;
}

/**
 * The part of the plate that is covered: a superellipse |u|^4 + |v|^4 <= 1, turned with the head, so that it holds the
 * corners of a face's box and still has no corners of its own. It is a usual head's, of one form for everybody: an outline
 * that followed the person's own would tell who it is.
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
}

/** A usual head, in distances of the outer eye corners: top of the hairline and chin. */
const TOP = -1.32;
const CHIN = 1.35;
const FACE_HEIGHT = 1.67;

/** How far behind the eyes the region's middle lies: about there a head turns. */
export const MIDDLE_DEPTH = -0.3;

/** Room for people whose faces are longer or wider than usual, so that hardly anybody's cover is larger for it. */
const ROOM = 1.1;

/** Width of every region for its height. */
const WIDTH_FOR_HEIGHT = 0.8;

/** From the brows up to the hairline is about as far as half way from the brows to the chin; hair is above it. */
const FOREHEAD = 0.6;

/** A superellipse of power 4 holds its rectangle's corners from this scale on: 2 ** (1 / 4). */
const HOLDS_CORNERS = 1.19;

const NOSE_TIP = 30;

/** How far behind the outline's last point the ear of a head in profile lies, in parts of the outline's width. */
const EAR_IN_PROFILE = 0.3;

/** Where a usual face lies in its region: height of the region's middle below the eyes, half height, in eye distances. */
export function usualHead(margin: number): { readonly centreY: number; readonly radiusY: number } {
  const half = (CHIN - TOP) / 2;
  return {
    centreY: (TOP + CHIN) / 2,
    radiusY: ROOM * Math.max(half * HOLDS_CORNERS, half + margin * FACE_HEIGHT),
  };
}

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
  const usual = usualHead(margin);
  const { camera, scale } = fitPose(face.landmarks);
  const centreX = camera[1]! * usual.centreY + camera[2]! * MIDDLE_DEPTH + camera[3]!;
  const centreY = camera[5]! * usual.centreY + camera[6]! * MIDDLE_DEPTH + camera[7]!;
  const [u, v] = [cos * centreX + sin * centreY, cos * centreY - sin * centreX];
  const across = Math.max(
    u - Math.min(points.left - ears.left, corners.left),
    Math.max(points.right + ears.right, corners.right) - u,
  );
  const along = Math.max(
    v - Math.min(points.top - FOREHEAD * (points.bottom - points.top), corners.top),
    Math.max(points.bottom, corners.bottom) - v,
  );
  const beyond = margin * (points.bottom - points.top);
  const needed = (half: number): number => Math.max(half * HOLDS_CORNERS, half + beyond);
  const radiusY = Math.max(scale * usual.radiusY, needed(along), needed(across) / WIDTH_FOR_HEIGHT);
  return { centreX, centreY, radiusX: WIDTH_FOR_HEIGHT * radiusY, radiusY, cos, sin };
}

/** The soft edge lies outside the region, so that nothing inside shines through. */
export const EDGE = 0.06;

/** Where a point of the plate lies in the region: -1..1 across and along the head. */
export function placeIn(region: HeadRegion, x: number, y: number): [u: number, v: number] {
  const dx = x - region.centreX;
  const dy = y - region.centreY;
  return [(region.cos * dx + region.sin * dy) / region.radiusX, (region.cos * dy - region.sin * dx) / region.radiusY];
}

/** How much of the cover a point of the plate gets: 1 in the region, 0 beyond its soft edge. */
export function coverAt(region: HeadRegion, x: number, y: number): number {
  const [u, v] = placeIn(region, x, y);
  return coverShare(u, v);
}

/** The same of a place in the region. */
export function coverShare(u: number, v: number): number {
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
