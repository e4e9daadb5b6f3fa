import type { Affine, Box, Frame, Raster } from '@understudy/frame';
import { composeAffine, cropGrey, invertAffine, resample } from '@understudy/frame';
import type { Model, ModelPack, SessionOptions } from '@understudy/inference';
import { openModel } from '@understudy/inference';

import type { Landmarks } from './points.js';
import { extentOf, eyeDistance, rollOf, transformLandmarks, unmirror } from './points.js';

/** Side of the network's input. */
const INPUT = 64;

/** The face is cut out of the plate once, with room to move and turn, and every view is taken from that patch. */
const PATCH = 192;
const PATCH_PER_BOX = 1.6;

/**
 * The crop relative to the extent of the face's 68 points; `lift` is the shift of its centre in heights. Tighter crops
 * pull the points inward: at this size those of drawn faces come nearest to where they are drawn, and on filmed faces
 * shifted views agree best.
 */
const BOX = { width: 1.16, height: 1.24, lift: -0.07 };

/** How one view of a face differs from its box: shift in box sizes, and whether it is mirrored. */
interface View {
  readonly dx: number;
  readonly dy: number;
  readonly mirrored: boolean;
}

/**
 * The network's error depends on where the face lies in the crop: up to 2 % of the eye distance for 3 % of the box.
 * Each pass therefore cuts the face by the points of the pass before, so that the detector's box is forgotten, and
 * averages views that err in opposite directions.
 */
const PASSES: readonly (readonly View[])[] = [
  [
    { dx: 0, dy: 0, mirrored: false },
    { dx: 0, dy: 0, mirrored: true },
  ],
  [
    { dx: 0, dy: 0, mirrored: false },
    { dx: 0, dy: 0, mirrored: true },
  ],
  [
    { dx: -0.03, dy: 0, mirrored: false },
    { dx: 0.03, dy: 0, mirrored: true },
    { dx: 0, dy: -0.03, mirrored: true },
    { dx: 0, dy: 0.03, mirrored: false },
  ],
];

export interface LocatedFace {
  /** 136 numbers, x and y in turn, in plate pixels. */
  readonly landmarks: Float64Array;
  /** Mean distance of the last views' points from their mean, in parts of the eye distance; absent of a single view. */
  readonly spread?: number;
}

export interface Landmarker {
  /** The 68 points of the face in a detector's box. */
  locate(frame: Frame, box: Box): Promise<LocatedFace>;
  release(): Promise<void>;
}

export async function openLandmarker(pack: ModelPack, options: SessionOptions): Promise<Landmarker> {
  const model = await openModel(pack, 'landmarks', options);
  return {
    locate: (frame, box) => locate(model, frame, box),
    release: () => model.release(),
  };
}

async function locate(model: Model, frame: Frame, box: Box): Promise<LocatedFace> {
  const rough = await infer(model, cropGrey(frame, box, INPUT, INPUT));
  const first = transformLandmarks(rough, [box.width, 0, box.x, 0, box.height, box.y]);
  const toPatch = plateToPatch(first);
  const patch: Raster = { width: PATCH, height: PATCH, samples: cropGrey(frame, toPatch, PATCH, PATCH) };
  let points = transformLandmarks(first, toPatch);
  let spread = 0;
  for (const views of PASSES) {
    const toUnit = toUnitBox(points);
    const seen: Float64Array[] = [];
    for (const view of views) seen.push(await look(model, patch, toUnit, view));
    points = mean(seen);
    spread = spreadOf(seen, points);
  }
  return { landmarks: transformLandmarks(points, invertAffine(toPatch)), spread };
}

/** An upright square around the face: upright, because such crops are cut much faster than turned ones. */
function plateToPatch(points: Landmarks): Affine {
  const [a, b, c, d, e, f] = invertAffine(toUnitBox(points));
  const side = PATCH_PER_BOX * Math.max(Math.hypot(a, d), Math.hypot(b, e));
  const scale = PATCH / side;
  const x = a / 2 + b / 2 + c - side / 2;
  const y = d / 2 + e / 2 + f - side / 2;
  return [scale, 0, -x * scale, 0, scale, -y * scale];
}

/** The points that one view gives, in patch coordinates. */
async function look(model: Model, patch: Raster, toUnit: Affine, view: View): Promise<Float64Array> {
  const across = view.mirrored ? -1 : 1;
  const viewToUnit: Affine = [across, 0, view.dx + (view.mirrored ? 1 : 0), 0, 1, view.dy];
  const viewToPatch = composeAffine(invertAffine(toUnit), viewToUnit);
  const crop = new Float32Array(INPUT * INPUT);
  resample(patch, composeAffine(viewToPatch, [1 / INPUT, 0, 0, 0, 1 / INPUT, 0]), INPUT, INPUT, crop);
  const found = await infer(model, crop);
  if (!view.mirrored) return transformLandmarks(found, viewToPatch);
  // What the network saw is mirrored once more at x = 0, so that the points' names fit, and the map with it.
  return transformLandmarks(unmirror(found), composeAffine(viewToPatch, [-1, 0, 0, 0, 1, 0]));
}

function mean(seen: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(seen[0]!.length);
  for (const points of seen) for (let i = 0; i < sum.length; i++) sum[i]! += points[i]! / seen.length;
  return sum;
}

function spreadOf(seen: readonly Float64Array[], centre: Float64Array): number {
  let sum = 0;
  for (const points of seen) {
    for (let i = 0; i < points.length; i += 2) {
      sum += Math.hypot(points[i]! - centre[i]!, points[i + 1]! - centre[i + 1]!);
    }
  }
  return sum / seen.length / (centre.length / 2) / Math.max(1e-6, eyeDistance(centre));
}

async function infer(model: Model, grey: Float32Array): Promise<Float32Array> {
  const { mean, divisor } = model.manifest;
  const input = new Float32Array(grey.length);
  const scale = 1 / divisor;
  for (let i = 0; i < grey.length; i++) {
    const value = grey[i]!;
    input[i] = ((value < 0 ? 0 : value > 255 ? 255 : value) - mean) * scale;
  }
  const { output } = await model.run({ input });
  if (output === undefined) throw new TypeError('the landmark model gave no output');
  return output;
}

/** To 0..1 of the face's own box, turned so that the eyes are level. */
function toUnitBox(points: Landmarks): Affine {
  const roll = rollOf(points);
  const cos = Math.cos(roll);
  const sin = Math.sin(roll);
  const extent = extentOf(transformLandmarks(points, [cos, sin, 0, -sin, cos, 0]));
  const width = (extent.right - extent.left) * BOX.width;
  const height = (extent.bottom - extent.top) * BOX.height;
  const x = (extent.left + extent.right) / 2 - width / 2;
  const y = (extent.top + extent.bottom) / 2 + BOX.lift * (extent.bottom - extent.top) - height / 2;
  return [cos / width, sin / width, -x / width, -sin / height, cos / height, -y / height];
}
