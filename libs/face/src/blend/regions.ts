import { blurPlane } from './gaussian.js';
import { createPlane, type FloatPlane } from './plane.js';
import { fillPolygon } from './polygon.js';

/** Soft regions of a face in a crop, each 0..1. */
export interface FaceRegions {
  /** Jaw to lower forehead, falling to 0 at the outline. */
  readonly hull: FloatPlane;
  /** 1 inside eyes, brows, nostrils and lips, with a soft edge. */
  readonly features: FloatPlane;
  /** The lips, and the mouth between them. */
  readonly lips: FloatPlane;
  /** Hull without eyes, brows, nostrils and mouth: where the skin shows the light. */
  readonly skin: FloatPlane;
  /** Between the lids of both eyes. */
  readonly eyes: FloatPlane;
  /** Between the lips: empty while the mouth is shut. */
  readonly mouth: FloatPlane;
}

/** Control points of the lower forehead, from the image's right to its left, closing the jaw's outline. */
const FOREHEAD = [72, 71, 70, 69, 68];
const LEFT_EYE = [36, 37, 38, 39, 40, 41];
const RIGHT_EYE = [42, 43, 44, 45, 46, 47];
const OUTER_LIPS = [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59];
const INNER_LIPS = [60, 61, 62, 63, 64, 65, 66, 67];
const NOSTRILS = [31, 32, 33, 34, 35];

/**
 * @param controls x, y pairs of the warp's control points in the crop's pixel-centre coordinates.
 * @param scale pixels per outer-eye-corner distance.
 * @param up unit vector from chin to forehead in the image.
 */
export function faceRegions(
  width: number,
  height: number,
  controls: Float64Array,
  scale: number,
  up: readonly [number, number],
  outline: { jawInset: number; feather: number },
): FaceRegions {
  const fill = (indices: readonly number[], shift = 0): FloatPlane =>
    fillPolygon(
      width,
      height,
      indices.flatMap((i) => [controls[i * 2]! + up[0] * shift, controls[i * 2 + 1]! + up[1] * shift]),
    );
  const hull = insideFeather(fillHull(width, height, controls, outline.jawInset), outline.feather * scale);
  const features = createPlane(width, height);
  const cover = (plane: FloatPlane, spread: number): void => {
    const soft = blurPlane(plane, spread * scale);
    for (let i = 0; i < soft.data.length; i++) {
      features.data[i] = Math.max(features.data[i]!, Math.min(1, soft.data[i]! * 3));
    }
  };
  cover(fill(LEFT_EYE), 0.05);
  cover(fill(RIGHT_EYE), 0.05);
  cover(fill(OUTER_LIPS), 0.04);
  cover(fill(NOSTRILS, -0.01 * scale), 0.045);
  for (const brow of [
    [17, 18, 19, 20, 21],
    [22, 23, 24, 25, 26],
  ]) {
    cover(fillBand(width, height, controls, brow, up, 0.02 * scale, 0.07 * scale), 0.03);
  }
  const skin = createPlane(width, height);
  for (let i = 0; i < skin.data.length; i++) skin.data[i] = hull.data[i]! * (1 - features.data[i]!);
  const eyes = createPlane(width, height);
  for (const eye of [fill(LEFT_EYE), fill(RIGHT_EYE)]) {
    for (let i = 0; i < eyes.data.length; i++) eyes.data[i] = Math.max(eyes.data[i]!, eye.data[i]!);
  }
  return { hull, features, lips: fill(OUTER_LIPS), skin, eyes, mouth: fill(INNER_LIPS) };
}

function fillHull(width: number, height: number, controls: Float64Array, inset: number): FloatPlane {
  const outline = [...Array.from({ length: 17 }, (_, i) => i), ...FOREHEAD];
  let cx = 0;
  let cy = 0;
  for (const i of outline) {
    cx += controls[i * 2]! / outline.length;
    cy += controls[i * 2 + 1]! / outline.length;
  }
  const points = outline.flatMap((i) => [
    controls[i * 2]! + (cx - controls[i * 2]!) * inset,
    controls[i * 2 + 1]! + (cy - controls[i * 2 + 1]!) * inset,
  ]);
  return fillPolygon(width, height, points);
}

/** A band above and below a chain of points. */
function fillBand(
  width: number,
  height: number,
  controls: Float64Array,
  chain: readonly number[],
  up: readonly [number, number],
  above: number,
  below: number,
): FloatPlane {
  const upper = chain.flatMap((i) => [controls[i * 2]! + up[0] * above, controls[i * 2 + 1]! + up[1] * above]);
  const lower = chain
    .toReversed()
    .flatMap((i) => [controls[i * 2]! - up[0] * below, controls[i * 2 + 1]! - up[1] * below]);
  return fillPolygon(width, height, [...upper, ...lower]);
}

/** Blurs a hard region and keeps the half inside its edge, so that the soft edge never reaches outside. */
export function insideFeather(region: FloatPlane, feather: number): FloatPlane {
  const soft = blurPlane(region, feather / 2);
  for (let i = 0; i < soft.data.length; i++) {
    const t = Math.max(0, Math.min(1, (soft.data[i]! - 0.5) * 2)) * Math.min(1, region.data[i]!);
    soft.data[i] = t * t * (3 - 2 * t);
  }
  return soft;
}
