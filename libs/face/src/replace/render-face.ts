import { blurPlane } from '../blend/gaussian.js';
import { createPlane, type FloatPlane, reducePlane } from '../blend/plane.js';
import { smoothLight } from '../blend/smooth-light.js';
import { lookAtPlate, smoothFactor, type PlateLook } from './plate-look.js';
import { controlPoints, type HeadPose } from './pose.js';
import { type FaceChange, type FaceLight, kernelOf } from './replace-kernel.js';
import { applyShift } from './shape.js';
import type { ReplaceSettings } from './settings.js';
import type { PreparedReplaceTrack } from './track.js';
import { texturesFor, warpDetail, type TextureSource } from './warp.js';

/**
 * Renders the replaced face over a work crop. What is smooth is made here, on planes reduced by a factor; what is done to every
 * pixel, by the compiled kernel.
 *
 * @param work R'G'B' planes of `width * height` numbers of 0..255, one after the other.
 * @param landmarks 136 numbers, in the crop's pixel-centre coordinates; `pose` is fitted to them.
 * @param seen 0..1 over the work crop, where networks say what covers the face.
 * @returns null where nothing of the face shows.
 */
export function renderFace(
  work: Float32Array,
  { width, height }: { readonly width: number; readonly height: number },
  track: PreparedReplaceTrack,
  landmarks: Float64Array,
  pose: HeadPose,
  seen?: FloatPlane,
): FaceChange | null {
  const { identity, settings } = track;
  const kernel = kernelOf(identity);
  kernel.hold(texturesFor(identity.faces, pose.scale));
  const job = kernel.begin(work, width, height);
  const controls = controlPoints(landmarks, pose);
  const factor = smoothFactor(pose);
  const free = seen === undefined ? undefined : reducePlane(seen, factor);
  const look = lookAtPlate(job.reducedPlate(factor), factor, track, landmarks, controls, pose, free);
  const shown = job.show(look.mask, factor);
  if (shown === null) return null;
  const sources: TextureSource[] = identity.faces.flatMap((face) => [
    { face, mirrored: false },
    { face, mirrored: true },
  ]);
  const { form, grid } = warpDetail(job, sources, pose, applyShift(controls, track.shift, pose), shown);
  const drawn = job.shade(form, grid, settings.shadeWarmth);
  const light = missingLight(drawn, look, pose, settings);
  return job.finish(light, settings.plateGrain, settings.poreSigma * pose.scale);
}

/**
 * The plate's light, and what is missing for the broad light to be exactly the plate's. Toward the rim ever narrower
 * differences are made up for, so that broad colour passes over it without a step and only fine structure is cut by the
 * mask: blending in two bands (after Burt and Adelson 1983).
 *
 * @param drawn luma, red and blue of the face as drawn, reduced.
 */
function missingLight(
  drawn: readonly FloatPlane[],
  look: PlateLook,
  pose: HeadPose,
  settings: ReplaceSettings,
): FaceLight {
  const { factor, base, colour } = look;
  const wanted = [colour.luma, colour.red, colour.blue];
  const bases = [base.luma, base.red, base.blue];
  const differences = drawn.map((plane, c) => {
    const difference = createPlane(plane.width, plane.height);
    const [to, plate, own, small] = [difference.data, wanted[c]!.data, bases[c]!.data, plane.data];
    for (let i = 0; i < to.length; i++) to[i] = plate[i]! - own[i]! - small[i]!;
    return difference;
  });
  const perUnit = pose.scale / factor;
  const missing = smoothLight(differences, look.regions.skin, settings.matchSigma * perUnit, settings.lightOutlier);
  const near = meansWithin(differences, withoutBrows(look), settings.rimSigma * perUnit);
  const depth = look.depth.data;
  missing.forEach((offset, c) => {
    const own = bases[c]!.data;
    const atRim = near[c]!.data;
    for (let i = 0; i < own.length; i++) {
      offset.data[i] = own[i]! + atRim[i]! + depth[i]! * (offset.data[i]! - atRim[i]!);
    }
  });
  const [luma, red, blue] = missing;
  return { luma: luma!, red: red!, blue: blue!, grain: look.regions.skin };
}

/** The plate's brows are not its light: their hair is not to be drawn anew, blurred, where they come near the rim. */
function withoutBrows({ bare, regions }: PlateLook): FloatPlane {
  const counted = createPlane(bare.width, bare.height);
  for (let i = 0; i < counted.data.length; i++) counted.data[i] = bare.data[i]! * (1 - regions.brows.data[i]!);
  return counted;
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
