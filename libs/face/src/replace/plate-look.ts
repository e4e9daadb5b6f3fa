import { blurPlane } from '../blend/gaussian.js';
import { toLogColour, type LogColour } from '../blend/log-colour.js';
import { occlusionOf } from '../blend/occlusion.js';
import { createPlane, reducePlane, type FloatPlane } from '../blend/plane.js';
import { faceRegions, type FaceRegions } from '../blend/regions.js';
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
  /** Where the replaced face shows: not over hair and hands, not inside an open mouth, not over shut lids. */
  readonly mask: FloatPlane;
}

/** Pixels between the outer eye corners that are enough to measure smooth things on. */
const SMALL_SCALE = 55;

/**
 * @param work R'G'B' planes of the work crop, 0..1.
 * @param controls control points in the work crop.
 */
export function lookAtPlate(
  work: readonly FloatPlane[],
  track: PreparedReplaceTrack,
  landmarks: Float64Array,
  controls: Float64Array,
  pose: HeadPose,
): PlateLook {
  const { settings } = track;
  const factor = Math.max(1, Math.floor(pose.scale / SMALL_SCALE));
  const small = work.map((plane) => reducePlane(plane, factor));
  const { width, height } = small[0]!;
  const scale = pose.scale / factor;
  const up: [number, number] = [Math.sin(pose.roll), -Math.cos(pose.roll)];
  const regions = faceRegions(
    width,
    height,
    controls.map((v) => (v + 0.5) / factor - 0.5),
    scale,
    up,
    settings,
  );
  const colour = toLogColour(small);
  const layers = measureLayers(colour, regions, scale, settings);
  const red = blurPlane(colour.red, settings.plateColourSigma * scale);
  const blue = blurPlane(colour.blue, settings.plateColourSigma * scale);
  const luma = createPlane(width, height);
  for (let i = 0; i < luma.data.length; i++) {
    luma.data[i] = layers.broad.data[i]! + (1 - settings.identityForm) * layers.form.data[i]!;
    red.data[i] = layers.red.data[i]! + settings.plateColour * (red.data[i]! - layers.red.data[i]!);
    blue.data[i] = layers.blue.data[i]! + settings.plateColour * (blue.data[i]! - layers.blue.data[i]!);
  }
  const skin = { luma: layers.broad, red: layers.red, blue: layers.blue };
  const occluded = occlusionOf(colour, skin, regions, scale);
  const closure = eyeClosure(eyeOpenness(landmarks), track.openness);
  const mask = maskOf(regions, occluded, scale, closure, settings.keepEyes);
  return { factor, colour, regions, base: { luma, red, blue }, mask };
}

/** Teeth and tongue are always the plate's, and lids while they are shut; open eyes as far as the settings say. */
function maskOf(
  regions: FaceRegions,
  occluded: FloatPlane,
  scale: number,
  closure: number,
  keepEyes: number,
): FloatPlane {
  const mouth = blurPlane(regions.mouth, 0.012 * scale);
  const lids = blurPlane(regions.eyeBand, 0.035 * scale);
  const eyes = blurPlane(regions.eyes, 0.02 * scale);
  const mask = createPlane(mouth.width, mouth.height);
  for (let i = 0; i < mask.data.length; i++) {
    const shut = closure * Math.min(1, 2 * lids.data[i]!) * (1 - 0.7 * regions.brows.data[i]!);
    const inside = Math.max(0, Math.min(1, (mouth.data[i]! - 0.1) / 0.8));
    const keep = Math.max(inside, shut, keepEyes * eyes.data[i]!);
    mask.data[i] = regions.hull.data[i]! * (1 - occluded.data[i]!) * (1 - Math.min(1, keep));
  }
  return mask;
}
