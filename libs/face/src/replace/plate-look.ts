import { blurPlane, blurSpot, reducedSigma } from '../blend/gaussian.js';
import { toLogColour, type LogColour } from '../blend/log-colour.js';
import { occlusionOf } from '../blend/occlusion.js';
import { createPlane, type FloatPlane } from '../blend/plane.js';
import { faceRegions, insideFeather, type FaceRegions } from '../blend/regions.js';
import { measureLayers } from './detail.js';
import { eyeClosure, eyeOpenness } from './eye-closure.js';
import type { HeadPose } from './pose.js';
import type { PreparedReplaceTrack } from './track.js';

/** What a plate's face gives to the replaced one. Smooth, so it is measured on a crop reduced by `factor`. */
export interface PlateLook {
  readonly factor: number;
  readonly colour: LogColour;
  readonly regions: FaceRegions;
  /** Light and skin colour that the identity's texture is laid over. */
  readonly base: LogColour;
  /** The face without what is in front of its rim, 0..1. */
  readonly bare: FloatPlane;
  /** How far inside that a pixel lies, 0..1: 0 on its rim. */
  readonly depth: FloatPlane;
  /** Where the replaced face shows: not over hair and hands, not inside an open mouth, not over shut lids. */
  readonly mask: FloatPlane;
}

/** Pixels between the outer eye corners that are enough to measure smooth things on. */
const SMALL_SCALE = 40;

/** By how much a face's work crop can be reduced for what is smooth. */
export function smoothFactor(pose: HeadPose): number {
  return Math.max(1, Math.floor(pose.scale / SMALL_SCALE));
}

/**
 * @param small R'G'B' planes of the work crop reduced by `factor`, 0..1.
 * @param landmarks like `controls` and `pose`, in the work crop itself.
 * @param seen 0..1, reduced likewise: what covers the face is not its light. The mask is left to the caller.
 */
export function lookAtPlate(
  small: readonly FloatPlane[],
  factor: number,
  track: PreparedReplaceTrack,
  landmarks: Float64Array,
  controls: Float64Array,
  pose: HeadPose,
  seen?: FloatPlane,
): PlateLook {
  const { settings } = track;
  const { width, height } = small[0]!;
  const scale = pose.scale / factor;
  const up: [number, number] = [Math.sin(pose.roll), -Math.cos(pose.roll)];
  const found = faceRegions(
    width,
    height,
    controls.map((v) => (v + 0.5) / factor - 0.5),
    scale,
    up,
    settings,
  );
  const regions = seen === undefined ? found : { ...found, skin: product(found.skin, seen) };
  const colour = toLogColour(small);
  const layers = measureLayers(colour, regions, scale, settings);
  const red = blurPlane(colour.red, settings.plateColourSigma * scale);
  const blue = blurPlane(colour.blue, settings.plateColourSigma * scale);
  const luma = createPlane(width, height);
  const plateForm = 1 - settings.identityForm;
  const [lumas, reds, blues] = [luma.data, red.data, blue.data];
  const [broad, form] = [layers.broad.data, layers.form.data];
  const [broadRed, broadBlue] = [layers.red.data, layers.blue.data];
  for (let i = 0; i < lumas.length; i++) {
    lumas[i] = broad[i]! + plateForm * form[i]!;
    reds[i] = broadRed[i]! + settings.plateColour * (reds[i]! - broadRed[i]!);
    blues[i] = broadBlue[i]! + settings.plateColour * (blues[i]! - broadBlue[i]!);
  }
  const skin = { luma: layers.broad, red: layers.red, blue: layers.blue };
  const occluded = occlusionOf(colour, skin, regions, scale);
  const closure = eyeClosure(eyeOpenness(landmarks), track.openness);
  const mask = maskOf(regions, occluded, scale, factor, closure, settings.keepEyes);
  const uncovered = { width, height, data: occluded.data.map((odd, i) => regions.hull.data[i]! * (1 - odd)) };
  const bare = seen === undefined ? uncovered : product(uncovered, seen);
  const depth = insideFeather(bare, settings.rimWidth * scale);
  return { factor, colour, regions, base: { luma, red, blue }, bare, depth, mask };
}

function product(plane: FloatPlane, by: FloatPlane): FloatPlane {
  return { ...plane, data: plane.data.map((value, i) => value * by.data[i]!) };
}

/** Teeth and tongue are always the plate's, and lids while they are shut; open eyes as far as the settings say. */
function maskOf(
  regions: FaceRegions,
  occluded: FloatPlane,
  scale: number,
  factor: number,
  closure: number,
  keepEyes: number,
): FloatPlane {
  const { hull, brows } = regions;
  const kept = createPlane(hull.width, hull.height);
  // The mask's way back to full size softens the lips' edge already.
  const own = reducedSigma(0.012 * scale * factor, factor);
  layOver(kept, regions.mouth, own, (value) => Math.max(0, Math.min(1, (value - 0.1) / 0.8)));
  if (keepEyes > 0) layOver(kept, regions.eyes, 0.02 * scale, (value) => keepEyes * value);
  if (closure > 0) {
    const shut = (value: number, i: number): number => closure * Math.min(1, 2 * value) * (1 - 0.7 * brows.data[i]!);
    layOver(kept, regions.eyeBand, 0.035 * scale, shut);
  }
  const [to, inside, odd] = [kept.data, hull.data, occluded.data];
  for (let i = 0; i < to.length; i++) to[i] = inside[i]! * (1 - odd[i]!) * (1 - Math.min(1, to[i]!));
  return kept;
}

/** The larger of what is there and a softened region's share. */
function layOver(
  target: FloatPlane,
  region: FloatPlane,
  sigma: number,
  shareOf: (value: number, index: number) => number,
): void {
  const { soft, x, y } = blurSpot(region, sigma);
  for (let row = 0; row < soft.height; row++) {
    for (let column = 0; column < soft.width; column++) {
      const at = (y + row) * target.width + x + column;
      target.data[at] = Math.max(target.data[at]!, shareOf(soft.data[row * soft.width + column]!, at));
    }
  }
}
