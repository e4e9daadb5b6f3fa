import type { Affine, Box, Frame } from '@understudy/frame';
import { addRgb, cropRgb } from '@understudy/frame';

import { blurPlane } from '../blend/gaussian.js';
import { createPlane, type FloatPlane } from '../blend/plane.js';
import type { Landmarks } from '../landmarks/points.js';
import { pointAt } from '../landmarks/points.js';
import type { FaceEdge } from '../mask/face-mask.js';
import { type SeenFace, seenOver } from '../mask/seen-face.js';
import { boxMask, combineMasks, hullMask } from '../mask/shapes.js';

/** Where a face ends, and what of it is seen where networks say so. */
export interface SeenEdge extends FaceEdge {
  readonly seen?: SeenFace | undefined;
}

export interface ClassicalSettings extends SeenEdge {
  /** The fine detail that is aimed at, in parts of what the plate's own face has. */
  readonly sharpness: number;
}

/** Sigma of what counts as fine, in parts of the distance of the outer eye corners: pores, lashes, grain. */
const FINE_SIGMA = 0.012;
const LEAST_SIGMA = 0.8;
const LARGEST_SIGMA = 3;
/** Of what is around the face, in parts of its size: the filters want some of it. */
const MARGIN = 0.15;
/** Detail that was lost altogether is not found again by enlarging what is left. */
const LARGEST_GAIN = 2.5;
/** No sample changes by more, of 255: hard edges would get halos. */
const LARGEST_CHANGE = 10;
/** Halvings after which a gain is known to a hundredth. */
const HALVINGS = 8;

interface FaceSquare {
  readonly box: Box;
  readonly luma: FloatPlane;
  /** Luma less its blur, of 255. */
  readonly fine: FloatPlane;
  readonly mask: Float32Array;
}

/**
 * How much fine detail a face has: root mean square of luma less its Gaussian blur, of 255, within the face's mask. Larger
 * values count as 10, so that texture decides and not the few hard edges. The blur's width goes with the face's size, so
 * that frames of a track compare.
 */
export function sharpnessOf(frame: Frame, landmarks: Landmarks, edge: SeenEdge): number {
  const { fine, mask } = faceSquare(frame, landmarks, edge);
  return energyOf(fine, mask);
}

/**
 * By how much a face's fine detail has to be enlarged to come to `sharpness` times that of its plate: found by halving,
 * each try filtered and measured as a frame would be. 0 where it has it already.
 *
 * @param plate the same frame as it was shot
 * @returns 0 .. 2.5
 */
export function detailGain(frame: Frame, plate: Frame, landmarks: Landmarks, settings: ClassicalSettings): number {
  const wanted = settings.sharpness * sharpnessOf(plate, landmarks, settings);
  const { luma, fine, mask } = faceSquare(frame, landmarks, settings);
  const energyAt = (gain: number): number => {
    const data = luma.data.map((value, i) => value + mask[i]! * enlarged(fine.data[i]!, gain));
    return energyOf(lessBlur({ ...luma, data }, sigmaOf(landmarks)), mask);
  };
  if (energyOf(fine, mask) >= wanted) return 0;
  if (energyAt(LARGEST_GAIN) <= wanted) return LARGEST_GAIN;
  let [low, high] = [0, LARGEST_GAIN];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (energyAt(middle) < wanted) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Enlarges a face's fine luma detail under its mask, in place; colour stays as it is, and outside the mask every sample.
 *
 * @param source the frame that the detail is taken from; may be the frame itself
 * @param gain as {@link detailGain} finds it
 * @param strength 0 keeps the frame, 1 writes the whole change
 */
export function enlargeDetail(
  frame: Frame,
  source: Frame,
  landmarks: Landmarks,
  { gain, strength, ...edge }: SeenEdge & { readonly gain: number; readonly strength: number },
): void {
  if (gain * strength <= 0) return;
  const { box, fine, mask } = faceSquare(source, landmarks, edge);
  const count = mask.length;
  const rgb = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    if (mask[i] === 0) continue;
    const change = strength * mask[i]! * enlarged(fine.data[i]!, gain);
    rgb[i] = rgb[count + i] = rgb[2 * count + i] = change;
  }
  addRgb(frame, box, { width: box.width, height: box.height, rgb });
}

function sigmaOf(landmarks: Landmarks): number {
  const [left, right] = [pointAt(landmarks, 36), pointAt(landmarks, 45)];
  const distance = Math.hypot(right.x - left.x, right.y - left.y);
  return Math.min(LARGEST_SIGMA, Math.max(LEAST_SIGMA, FINE_SIGMA * distance));
}

/** A square of whole pixels around the face, in the frame's own resolution. */
function faceSquare(frame: Frame, landmarks: Landmarks, edge: SeenEdge): FaceSquare {
  const xs = Array.from({ length: landmarks.length / 2 }, (_, i) => landmarks[2 * i]!);
  const ys = Array.from({ length: landmarks.length / 2 }, (_, i) => landmarks[2 * i + 1]!);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const side = Math.ceil(Math.max(right - left, bottom - top, 8) * (1 + 2 * MARGIN));
  const x = Math.floor((left + right - side) / 2);
  const y = Math.floor((top + bottom - side) / 2);
  const box = { x, y, width: side, height: side };
  const toSquare: Affine = [1, 0, -x, 0, 1, -y];
  const { feather, shape, seen } = edge;
  const own = shape === 'hull' ? hullMask(landmarks, toSquare, side, { feather }) : boxMask(side, { feather });
  const luma = lumaOf(frame, box);
  return {
    box,
    luma,
    fine: lessBlur(luma, sigmaOf(landmarks)),
    mask: seen === undefined ? own : combineMasks(own, seenOver(seen, box, side, side)),
  };
}

function lumaOf(frame: Frame, box: Box): FloatPlane {
  const rgb = cropRgb(frame, box, box.width, box.height);
  const luma = createPlane(box.width, box.height);
  const count = luma.data.length;
  for (let i = 0; i < count; i++) {
    luma.data[i] = 0.2126 * rgb[i]! + 0.7152 * rgb[count + i]! + 0.0722 * rgb[2 * count + i]!;
  }
  return luma;
}

function lessBlur(plane: FloatPlane, sigma: number): FloatPlane {
  const soft = blurPlane(plane, sigma).data;
  return { ...plane, data: plane.data.map((value, i) => value - soft[i]!) };
}

/** What is added to a sample whose detail is enlarged. */
function enlarged(fine: number, gain: number): number {
  return LARGEST_CHANGE * Math.tanh((gain * fine) / LARGEST_CHANGE);
}

function energyOf({ data }: FloatPlane, weight: Float32Array): number {
  let sum = 0;
  let total = 1e-9;
  for (let i = 0; i < weight.length; i++) {
    sum += weight[i]! * Math.min(LARGEST_CHANGE, Math.abs(data[i]!)) ** 2;
    total += weight[i]!;
  }
  return Math.sqrt(sum / total);
}
