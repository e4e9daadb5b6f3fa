import { blurPlane } from '../blend/gaussian.js';
import { fromLogColour, LUMA_FLOOR, lumaOf, type LogColour } from '../blend/log-colour.js';
import { createPlane, enlargePlane, reducePlane, type FloatPlane } from '../blend/plane.js';
import { smoothLight } from '../blend/smooth-light.js';
import { lookAtPlate, type PlateLook } from './plate-look.js';
import { controlPoints, type HeadPose } from './pose.js';
import { applyShift } from './shape.js';
import type { ReplaceSettings } from './settings.js';
import type { PreparedReplaceTrack } from './track.js';
import { warpDetail, type TextureSource } from './warp.js';

export interface RenderedFace {
  /** R', G', B' of 0..1; meaningful where the mask is above 0. */
  readonly channels: readonly FloatPlane[];
  readonly mask: FloatPlane;
}

/**
 * Renders the replaced face over a work crop.
 *
 * @param work R'G'B' planes, 0..1.
 * @param landmarks 136 numbers, in the crop's pixel-centre coordinates; `pose` is fitted to them.
 */
export function renderFace(
  work: readonly FloatPlane[],
  track: PreparedReplaceTrack,
  landmarks: Float64Array,
  pose: HeadPose,
): RenderedFace {
  const { identity, settings } = track;
  const { width, height } = work[0]!;
  const controls = controlPoints(landmarks, pose);
  const look = lookAtPlate(work, track, landmarks, controls, pose);
  const mask = enlargePlane(look.mask, look.factor, width, height);
  const sources: TextureSource[] = identity.faces.flatMap((face) => [
    { face, mirrored: false },
    { face, mirrored: true },
  ]);
  const [fine, red, blue, form] = warpDetail(sources, pose, applyShift(controls, track.shift, pose), mask);
  const result: LogColour = { luma: fine!, red: red!, blue: blue! };
  shadeSkin(result, form!, mask, settings);
  layOverLight(result, look, pose, settings);
  addGrain(result.luma, work, mask, look, pose, settings);
  return { channels: fromLogColour(result, mask), mask };
}

function shadeSkin(result: LogColour, form: FloatPlane, mask: FloatPlane, settings: ReplaceSettings): void {
  const [luma, red, blue] = [result.luma.data, result.red.data, result.blue.data];
  const [broad, shown] = [form.data, mask.data];
  for (let i = 0; i < luma.length; i++) {
    if (shown[i] === 0) continue;
    const shade = broad[i]! + luma[i]!;
    const warmth = settings.shadeWarmth * warming(shade);
    luma[i] = shade;
    red[i]! += warmth;
    blue[i]! -= warmth;
  }
}

/** Light passes through skin and comes out red: shallow shade is warm, while brows and pupils are not skin. */
function warming(shade: number): number {
  return -shade * Math.exp(-(shade * shade) / (0.45 * 0.45));
}

/**
 * Adds the plate's light, and what is missing for the broad light to be exactly the plate's. Toward the rim ever narrower
 * differences are made up for, so that broad colour passes over it without a step and only fine structure is cut by the
 * mask: blending in two bands (after Burt and Adelson 1983).
 */
function layOverLight(result: LogColour, look: PlateLook, pose: HeadPose, settings: ReplaceSettings): void {
  const { factor, base, colour } = look;
  const planes = [result.luma, result.red, result.blue];
  const wanted = [colour.luma, colour.red, colour.blue];
  const bases = [base.luma, base.red, base.blue];
  const differences = planes.map((plane, c) => {
    const small = reducePlane(plane, factor).data;
    const difference = createPlane(wanted[c]!.width, wanted[c]!.height);
    const [to, plate, own] = [difference.data, wanted[c]!.data, bases[c]!.data];
    for (let i = 0; i < to.length; i++) to[i] = plate[i]! - own[i]! - small[i]!;
    return difference;
  });
  const perUnit = pose.scale / factor;
  const missing = smoothLight(differences, look.regions.skin, settings.matchSigma * perUnit, settings.lightOutlier);
  const near = meansWithin(differences, look.bare, settings.rimSigma * perUnit);
  const depth = look.depth.data;
  planes.forEach((plane, c) => {
    const [offset, own] = [missing[c]!, bases[c]!.data];
    const atRim = near[c]!.data;
    for (let i = 0; i < own.length; i++) {
      offset.data[i] = own[i]! + atRim[i]! + depth[i]! * (offset.data[i]! - atRim[i]!);
    }
    const enlarged = enlargePlane(offset, factor, plane.width, plane.height).data;
    const to = plane.data;
    for (let i = 0; i < to.length; i++) to[i]! += enlarged[i]!;
  });
}

/** Gaussian means over the pixels that `weight` counts; 0 where none of them is near. */
function meansWithin(planes: readonly FloatPlane[], weight: FloatPlane, sigma: number): FloatPlane[] {
  const counted = blurPlane(weight, sigma).data;
  return planes.map((plane) => {
    const weighted = createPlane(plane.width, plane.height);
    for (let i = 0; i < counted.length; i++) weighted.data[i] = plane.data[i]! * weight.data[i]!;
    const mean = blurPlane(weighted, sigma);
    for (let i = 0; i < counted.length; i++) mean.data[i]! /= counted[i]! + LEAST_COUNT;
    return mean;
  });
}

/** Keeps a mean from being made of next to nothing. */
const LEAST_COUNT = 1e-4;

/** Contrast from which fine structure counts as an edge. */
const STRONGEST_GRAIN = 0.1;

/** Adds the plate's finest structure on skin: pores and grain. */
function addGrain(
  target: FloatPlane,
  work: readonly FloatPlane[],
  mask: FloatPlane,
  look: PlateLook,
  pose: HeadPose,
  settings: ReplaceSettings,
): void {
  const luma = lumaOf(work);
  const soft = blurPlane(luma, settings.poreSigma * pose.scale).data;
  const skin = enlargePlane(look.regions.skin, look.factor, luma.width, luma.height).data;
  const [to, plate, shown] = [target.data, luma.data, mask.data];
  const strongest = 1 / (STRONGEST_GRAIN * STRONGEST_GRAIN);
  for (let i = 0; i < to.length; i++) {
    if (shown[i] === 0) continue;
    const fine = (plate[i]! - soft[i]!) / (soft[i]! + LUMA_FLOOR);
    // Pores and grain are faint; what is strong is an edge of the plate's (glasses, a strand of hair) and stays away.
    to[i]! += settings.plateGrain * skin[i]! * fine * Math.exp(-fine * fine * strongest);
  }
}
