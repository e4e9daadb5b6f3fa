import { blurPlane } from '../blend/gaussian.js';
import { smoothKeepingEdges } from '../blend/guided.js';
import type { LogColour } from '../blend/log-colour.js';
import { createPlane, type FloatPlane } from '../blend/plane.js';
import { darkRim } from '../blend/occlusion.js';
import type { FaceRegions } from '../blend/regions.js';
import { smoothLight } from '../blend/smooth-light.js';
import type { ReplaceSettings } from './settings.js';

/** Planes of a separated texture: fine luma, red over luma, blue over luma, form. */
export const DETAIL_CHANNELS = 4;

/** A face's light in three widths, log values. */
export interface LightLayers {
  /** The broad light of the scene, from one side of the face to the other. */
  readonly broad: FloatPlane;
  /** What the head's own form does to it: cheekbones, nose, eye sockets. Zero-mean over the broad light. */
  readonly form: FloatPlane;
  readonly red: FloatPlane;
  readonly blue: FloatPlane;
}

export function measureLayers(
  colour: LogColour,
  regions: FaceRegions,
  scale: number,
  settings: ReplaceSettings,
): LightLayers {
  const [near] = smoothLight([colour.luma], regions.skin, settings.formSigma * scale, settings.lightOutlier);
  const [broad, red, blue] = smoothLight(
    [colour.luma, colour.red, colour.blue],
    regions.skin,
    settings.lightSigma * scale,
    settings.lightOutlier,
  );
  const form = createPlane(near!.width, near!.height);
  for (let i = 0; i < form.data.length; i++) form.data[i] = near!.data[i]! - broad!.data[i]!;
  return { broad: broad!, form, red: red!, blue: blue! };
}

/** Interleaved {@link DETAIL_CHANNELS} of an identity image: what is left when its light is taken away. */
export function separateDetail(
  colour: LogColour,
  regions: FaceRegions,
  scale: number,
  settings: ReplaceSettings,
): Float32Array {
  const { width, height } = colour.luma;
  const layers = measureLayers(colour, withFaintBrows(regions, settings.faintBrow), scale, settings);
  // Paint, grain and compression speckle the colour more finely than skin does.
  const red = blurPlane(colour.red, settings.colourSigma * scale);
  const blue = blurPlane(colour.blue, settings.colourSigma * scale);
  const lips = blurPlane(regions.lips, 0.02 * scale);
  const formGain = limitSpread(layers.form, regions.hull, settings.formSpread);
  const clean = smoothKeepingEdges(colour.luma, settings.speckleSigma * scale, settings.speckle);
  const fine = createPlane(width, height);
  for (let i = 0; i < fine.data.length; i++) {
    fine.data[i] = clean.data[i]! - layers.broad.data[i]! - layers.form.data[i]!;
  }
  const depth = -quantile(fine, regions.features, 0.05);
  const gain = Math.max(0.5, Math.min(settings.gainLimit, settings.featureDepth / Math.max(1e-3, depth)));
  const hardness = quantile(fine, regions.skin, 0.75) - quantile(fine, regions.skin, 0.25);
  const skinGain = Math.min(1, settings.skinRange / Math.max(1e-3, gain * hardness));
  const noBrow = 1 - browPresence(fine, regions);
  toneFine(fine, regions, { gain, skinGain, noBrow }, settings);
  const smooth = blurPlane(fine, settings.poreSigma * scale).data;
  const middle = blurPlane(fine, settings.middleSigma * scale).data;
  const hair = blurPlane(darkRim(colour.luma, layers.broad, regions, scale), 0.03 * scale).data;
  const detail = new Float32Array(width * height * DETAIL_CHANNELS);
  const [hull, features, lip, sharp] = [regions.hull.data, regions.features.data, lips.data, fine.data];
  const [form, broadRed, broadBlue] = [layers.form.data, layers.red.data, layers.blue.data];
  const broadGain = formGain * settings.identityForm;
  for (let i = 0; i < hull.length; i++) {
    // Nothing of the image's surroundings is carried over the rim.
    const fade = hull[i]! * (1 - hair[i]!);
    if (fade === 0) continue;
    const colourShare = settings.skinColour + (settings.lipColour - settings.skinColour) * lip[i]!;
    const value = smooth[i]! + features[i]! * (sharp[i]! - smooth[i]!);
    const at = i * DETAIL_CHANNELS;
    detail[at] = fade * (value - middle[i]!);
    detail[at + 1] = fade * compress(colourShare * (red.data[i]! - broadRed[i]!), 0.3);
    detail[at + 2] = fade * Math.max(-0.12, compress(colourShare * (blue.data[i]! - broadBlue[i]!), 0.4));
    detail[at + 3] = fade * (broadGain * form[i]! + middle[i]!);
  }
  return detail;
}

/** Brings fine structure to the depth it may have on skin, on lips and nostrils, on eyes and brows. */
function toneFine(
  fine: FloatPlane,
  regions: FaceRegions,
  { gain, skinGain, noBrow }: { readonly gain: number; readonly skinGain: number; readonly noBrow: number },
  settings: ReplaceSettings,
): void {
  const { skinLimit, lipLimit, featureLimit, brightLimit } = settings;
  const [values, features, dark] = [fine.data, regions.features.data, regions.dark.data];
  const [brows, eyeBand, eyes] = [regions.brows.data, regions.eyeBand.data, regions.eyes.data];
  for (let i = 0; i < values.length; i++) {
    const bare = noBrow * brows[i]! * (1 - eyeBand[i]!);
    const toned = gain * (skinGain + (1 - skinGain) * features[i]! * (1 - bare)) * values[i]!;
    const limit = skinLimit + (lipLimit - skinLimit) * features[i]! + (featureLimit - lipLimit) * dark[i]!;
    values[i] = compress(toned, toned < 0 ? limit : Math.min(limit, brightLimit * (1 + eyes[i]!)));
  }
}

/** Lets the brows count a little as skin: shade where a brow would be is then light, and only real hair is texture. */
function withFaintBrows(regions: FaceRegions, share: number): FaceRegions {
  const skin = { ...regions.skin, data: regions.skin.data.slice() };
  for (let i = 0; i < skin.data.length; i++) {
    skin.data[i] = Math.max(skin.data[i]!, share * regions.hull.data[i]! * regions.brows.data[i]!);
  }
  return { ...regions, skin };
}

/** 0 where the brows are mere shade, as if shaved or painted over, 1 where they are hair. */
function browPresence(fine: FloatPlane, regions: FaceRegions): number {
  const t = (-quantile(fine, regions.brows, 0.1) - 0.35) / 0.3;
  return Math.max(0, Math.min(1, t));
}

/** Keeps small values as they are and bends large ones toward the limit. */
function compress(value: number, limit: number): number {
  return value === 0 ? 0 : limit * Math.tanh(value / limit);
}

/** Gain (at most 1) that brings the spread of a plane over the face down to `spread`. */
function limitSpread(plane: FloatPlane, weight: FloatPlane, spread: number): number {
  let sum = 0;
  let squared = 0;
  let total = 1e-6;
  for (let i = 0; i < plane.data.length; i++) {
    sum += weight.data[i]! * plane.data[i]!;
    squared += weight.data[i]! * plane.data[i]! ** 2;
    total += weight.data[i]!;
  }
  const deviation = Math.sqrt(Math.max(1e-9, squared / total - (sum / total) ** 2));
  return Math.min(1, spread / deviation);
}

/** Value below which the given part of the pixels lies, among those that `weight` counts more than half. */
function quantile(plane: FloatPlane, weight: FloatPlane, part: number): number {
  const values = new Float32Array(plane.data.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) if (weight.data[i]! > 0.5) values[count++] = plane.data[i]!;
  if (count === 0) return 0;
  return values.subarray(0, count).sort()[Math.floor(part * (count - 1))]!;
}
