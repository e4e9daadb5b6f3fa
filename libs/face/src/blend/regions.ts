import { blurPlane, blurSpot } from './gaussian.js';
import { createPlane, type FloatPlane } from './plane.js';
import { fillPolygon } from './polygon.js';

/** Soft regions of a face in a crop, each 0..1. */
export interface FaceRegions {
  /** Jaw to lower forehead, falling to 0 at the outline. */
  readonly hull: FloatPlane;
  /** 1 inside eyes, brows, nostrils and lips, with a soft edge. */
  readonly features: FloatPlane;
  /** The part of the features that may be nearly black: eyes and brows. */
  readonly dark: FloatPlane;
  readonly brows: FloatPlane;
  /** The eyes with their lids. */
  readonly eyeBand: FloatPlane;
  /** The lips, and the mouth between them. */
  readonly lips: FloatPlane;
  /** Hull without eyes, brows, nostrils and mouth: where the skin shows the light. */
  readonly skin: FloatPlane;
  /** Between the lids of both eyes. */
  readonly eyes: FloatPlane;
  /** Between the lips: empty while the mouth is shut. */
  readonly mouth: FloatPlane;
}

/** The forehead from the image's right to its left, closing the jaw's outline: a lower control point, and those above it. */
const FOREHEAD: ReadonlyArray<readonly [low: number, high: readonly number[]]> = [
  [72, [76]],
  [71, [75, 76]],
  [70, [74, 75]],
  [69, [73, 74]],
  [68, [73]],
];
const LEFT_EYE = [36, 37, 38, 39, 40, 41];
const RIGHT_EYE = [42, 43, 44, 45, 46, 47];
const OUTER_LIPS = [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59];
const INNER_LIPS = [60, 61, 62, 63, 64, 65, 66, 67];
const BROWS = [
  [17, 18, 19, 20, 21],
  [22, 23, 24, 25, 26],
];
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
  outline: { jawInset: number; feather: number; foreheadReach: number },
): FaceRegions {
  const fill = (indices: readonly number[], shift = 0): FloatPlane =>
    fillPolygon(
      width,
      height,
      indices.flatMap((i) => [controls[i * 2]! + up[0] * shift, controls[i * 2 + 1]! + up[1] * shift]),
    );
  const hull = insideFeather(fillHull(width, height, controls, outline), outline.feather * scale);
  const eyeBand = createPlane(width, height);
  const [left, right] = [fill(LEFT_EYE), fill(RIGHT_EYE)];
  for (const eye of [left, right]) cover(eyeBand, eye, 0.05 * scale);
  const lipBand = createPlane(width, height);
  cover(lipBand, fill(OUTER_LIPS), 0.04 * scale);
  cover(lipBand, fill(NOSTRILS, -0.01 * scale), 0.045 * scale);
  const brows = createPlane(width, height);
  for (const brow of BROWS) {
    cover(brows, fillBand(width, height, controls, brow, up, 0.03 * scale, 0.1 * scale), 0.035 * scale);
  }
  const dark = createPlane(width, height);
  const features = createPlane(width, height);
  const skin = createPlane(width, height);
  const eyes = createPlane(width, height);
  for (let i = 0; i < skin.data.length; i++) {
    const darkness = Math.max(eyeBand.data[i]!, brows.data[i]!);
    const feature = Math.max(darkness, lipBand.data[i]!);
    dark.data[i] = darkness;
    features.data[i] = feature;
    skin.data[i] = hull.data[i]! * (1 - feature);
    eyes.data[i] = Math.max(left.data[i]!, right.data[i]!);
  }
  return { hull, features, eyeBand, dark, brows, lips: fill(OUTER_LIPS), skin, eyes, mouth: fill(INNER_LIPS) };
}

function fillHull(
  width: number,
  height: number,
  controls: Float64Array,
  outline: { jawInset: number; foreheadReach: number },
): FloatPlane {
  const rim = Array.from({ length: 17 }, (_, i) => [controls[i * 2]!, controls[i * 2 + 1]!] as const);
  for (const [low, high] of FOREHEAD) {
    const t = outline.foreheadReach;
    const [x, y] = middleOf(controls, high);
    rim.push([controls[low * 2]! * (1 - t) + x * t, controls[low * 2 + 1]! * (1 - t) + y * t]);
  }
  const cx = rim.reduce((sum, [x]) => sum + x, 0) / rim.length;
  const cy = rim.reduce((sum, [, y]) => sum + y, 0) / rim.length;
  const inset = outline.jawInset;
  return fillPolygon(
    width,
    height,
    rim.flatMap(([x, y]) => [x + (cx - x) * inset, y + (cy - y) * inset]),
  );
}

function middleOf(controls: Float64Array, indices: readonly number[]): [number, number] {
  let x = 0;
  let y = 0;
  for (const i of indices) {
    x += controls[i * 2]! / indices.length;
    y += controls[i * 2 + 1]! / indices.length;
  }
  return [x, y];
}

/** Adds a region, spread by about its blur, to what is covered. */
function cover(covered: FloatPlane, region: FloatPlane, spread: number): void {
  const { soft, x, y } = blurSpot(region, spread);
  const to = covered.data;
  for (let row = 0; row < soft.height; row++) {
    const from = row * soft.width;
    const at = (y + row) * covered.width + x;
    for (let i = 0; i < soft.width; i++) {
      const value = 3 * soft.data[from + i]!;
      if (value > to[at + i]!) to[at + i] = value > 1 ? 1 : value;
    }
  }
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
  const [to, inside] = [soft.data, region.data];
  for (let i = 0; i < to.length; i++) {
    if (inside[i] === 0) {
      to[i] = 0;
      continue;
    }
    const t = Math.max(0, Math.min(1, (to[i]! - 0.5) * 2)) * Math.min(1, inside[i]!);
    to[i] = t * t * (3 - 2 * t);
  }
  return soft;
}
