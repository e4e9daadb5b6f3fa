import { cropRgb, pasteRgb, type Box, type Frame } from '@understudy/frame';

import { blurPlane } from '../blend/gaussian.js';
import { fromLogColour, toLogColour, type LogColour } from '../blend/log-colour.js';
import { enlargePlane, reducePlane, type FloatPlane } from '../blend/plane.js';
import { faceRegions, type FaceRegions } from '../blend/regions.js';
import { occlusionOf } from '../blend/occlusion.js';
import { smoothLight } from '../blend/smooth-light.js';
import { eyeClosure, eyeOpenness } from './eye-closure.js';
import { measureLayers } from './detail.js';
import { controlPoints, fitPose, type HeadPose } from './pose.js';
import type { ReplaceSettings } from './settings.js';
import { applyShift } from './shape.js';
import type { PreparedReplaceTrack } from './track.js';
import { warpDetail, type TextureSource } from './warp.js';

/**
 * Puts the identity's face over the plate's, in the plate's pose, expression and light. A pure function of its arguments:
 * no state passes from frame to frame.
 *
 * @param frame changed in place, only where the returned box's mask is above 0.
 * @param landmarks 68 x, y pairs of the plate's face in plate pixels, smoothed over its track.
 * @returns the box written to.
 */
export function replaceFace(frame: Frame, track: PreparedReplaceTrack, landmarks: ArrayLike<number>): Box {
  const { settings } = track;
  const plate = fitPose(landmarks);
  const box = cropBoxOf(frame, landmarks, plate);
  const factor = Math.max(1, Math.ceil(plate.scale / settings.workScale));
  const full = splitPlanes(cropRgb(frame, box, box.width, box.height), box);
  const work = factor === 1 ? full : full.map((plane) => reducePlane(plane, factor));
  const inCrop = Float64Array.from({ length: landmarks.length }, (_, i) => {
    const origin = i % 2 === 0 ? box.x : box.y;
    return (landmarks[i]! - origin) / factor - 0.5;
  });
  const pose = fitPose(inCrop);
  const result = renderFace(work, track, inCrop, pose);
  write(frame, box, full, work, result, factor);
  return box;
}

function cropBoxOf(frame: Frame, landmarks: ArrayLike<number>, pose: HeadPose): Box {
  const controls = controlPoints(landmarks, pose);
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (let i = 0; i < controls.length; i += 2) {
    left = Math.min(left, controls[i]!);
    right = Math.max(right, controls[i]!);
    top = Math.min(top, controls[i + 1]!);
    bottom = Math.max(bottom, controls[i + 1]!);
  }
  const margin = pose.scale * 0.1;
  const x = Math.max(0, Math.floor(left - margin));
  const y = Math.max(0, Math.floor(top - margin));
  return {
    x,
    y,
    width: Math.min(frame.spec.width, Math.ceil(right + margin)) - x,
    height: Math.min(frame.spec.height, Math.ceil(bottom + margin)) - y,
  };
}

function splitPlanes(rgb: Float32Array, box: Box): FloatPlane[] {
  const count = box.width * box.height;
  return [0, 1, 2].map((c) => ({
    width: box.width,
    height: box.height,
    data: rgb.subarray(c * count, (c + 1) * count).map((v) => Math.max(0, v / 255)),
  }));
}

interface Rendered {
  readonly channels: readonly FloatPlane[];
  readonly mask: FloatPlane;
}

/** Renders the replaced face over a work crop of R'G'B' planes, 0..1. */
export function renderFace(
  work: readonly FloatPlane[],
  track: PreparedReplaceTrack,
  landmarks: Float64Array,
  pose: HeadPose,
): Rendered {
  const { identity, settings } = track;
  const { width, height } = work[0]!;
  const controls = controlPoints(landmarks, pose);
  const up: [number, number] = [Math.sin(pose.roll), -Math.cos(pose.roll)];
  const regions = faceRegions(width, height, controls, pose.scale, up, settings);
  const colour = toLogColour(work);
  const layers = measureLayers(colour, regions, pose.scale, settings);
  const sources: TextureSource[] = identity.faces.flatMap((face) => [
    { face, mirrored: false },
    { face, mirrored: true },
  ]);
  const [fine, red, blue, form] = warpDetail(sources, pose, applyShift(controls, track.shift, pose), width, height);
  const grain = grainOf(colour.luma, regions, pose, settings);
  const ownRed = blurPlane(colour.red, settings.plateColourSigma * pose.scale);
  const ownBlue = blurPlane(colour.blue, settings.plateColourSigma * pose.scale);
  const result = { luma: fine!, red: red!, blue: blue! };
  for (let i = 0; i < width * height; i++) {
    const shade = form!.data[i]! + fine!.data[i]!;
    const warmth = settings.shadeWarmth * warming(shade);
    result.luma.data[i] = layers.broad.data[i]! + shade + (1 - settings.identityForm) * layers.form.data[i]!;
    red!.data[i]! += layers.red.data[i]! + settings.plateColour * (ownRed.data[i]! - layers.red.data[i]!) + warmth;
    blue!.data[i]! += layers.blue.data[i]! + settings.plateColour * (ownBlue.data[i]! - layers.blue.data[i]!) - warmth;
  }
  matchLight(result, colour, regions, pose, settings);
  for (let i = 0; i < width * height; i++) result.luma.data[i]! += grain.data[i]!;
  const channels = fromLogColour(result);
  const closure = eyeClosure(eyeOpenness(landmarks), track.openness);
  keepPlateInside(channels, work, regions, pose, settings, closure);
  const occluded = occlusionOf(colour, { luma: layers.broad, red: layers.red, blue: layers.blue }, regions, pose.scale);
  for (let i = 0; i < width * height; i++) regions.hull.data[i]! *= 1 - occluded.data[i]!;
  return { channels, mask: regions.hull };
}

/** Light passes through skin and comes out red: shallow shade is warm, while brows and pupils are not skin. */
function warming(shade: number): number {
  return -shade * Math.exp(-((shade / 0.45) ** 2));
}

/** Makes the result's broad light and colour exactly the plate's, also where the identity's texture is darker on average. */
function matchLight(
  result: LogColour,
  plate: LogColour,
  regions: FaceRegions,
  pose: HeadPose,
  settings: ReplaceSettings,
): void {
  const planes = [result.luma, result.red, result.blue];
  const wanted = [plate.luma, plate.red, plate.blue];
  const differences = planes.map((plane, c) => ({ ...plane, data: plane.data.map((v, i) => wanted[c]!.data[i]! - v) }));
  const missing = smoothLight(differences, regions.skin, settings.matchSigma * pose.scale, settings.lightOutlier);
  planes.forEach((plane, c) => {
    for (let i = 0; i < plane.data.length; i++) plane.data[i]! += missing[c]!.data[i]!;
  });
}

/** The plate's finest structure on skin: pores and grain. */
function grainOf(luma: FloatPlane, regions: FaceRegions, pose: HeadPose, settings: ReplaceSettings): FloatPlane {
  const soft = blurPlane(luma, settings.poreSigma * pose.scale);
  for (let i = 0; i < soft.data.length; i++) {
    const fine = Math.max(-0.12, Math.min(0.12, luma.data[i]! - soft.data[i]!));
    soft.data[i] = settings.plateGrain * regions.skin.data[i]! * fine;
  }
  return soft;
}

/** Teeth and tongue are always the plate's, and lids while they are shut; open eyes as far as the settings say. */
function keepPlateInside(
  channels: readonly FloatPlane[],
  work: readonly FloatPlane[],
  regions: FaceRegions,
  pose: HeadPose,
  settings: ReplaceSettings,
  closure: number,
): void {
  const mouth = blurPlane(regions.mouth, 0.012 * pose.scale);
  const lidBand = blurPlane(regions.eyeBand, 0.035 * pose.scale);
  const eyes = blurPlane(regions.eyes, 0.02 * pose.scale);
  channels.forEach((channel, c) => {
    for (let i = 0; i < channel.data.length; i++) {
      const shut = closure * Math.min(1, 2 * lidBand.data[i]!) * (1 - 0.7 * regions.brows.data[i]!);
      const lids = Math.max(shut, settings.keepEyes * eyes.data[i]!);
      const keep = Math.max(mouth.data[i]!, lids);
      channel.data[i]! += keep * (work[c]!.data[i]! - channel.data[i]!);
    }
  });
}

/** Adds what changed at work size to the plate at full size, so that nothing of the plate is resampled. */
function write(
  frame: Frame,
  box: Box,
  full: readonly FloatPlane[],
  work: readonly FloatPlane[],
  result: Rendered,
  factor: number,
): void {
  const count = box.width * box.height;
  const rgb = new Float32Array(3 * count);
  result.channels.forEach((channel, c) => {
    for (let i = 0; i < channel.data.length; i++) channel.data[i]! -= work[c]!.data[i]!;
    const change = enlargePlane(channel, factor, box.width, box.height);
    for (let i = 0; i < count; i++) rgb[c * count + i] = 255 * (full[c]!.data[i]! + change.data[i]!);
  });
  const mask = enlargePlane(result.mask, factor, box.width, box.height).data;
  pasteRgb(frame, box, { width: box.width, height: box.height, rgb, mask });
}
