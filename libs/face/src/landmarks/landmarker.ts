import type { Affine, Box, Frame, Raster } from '@understudy/frame';
import { composeAffine, cropGrey, invertAffine, resample } from '@understudy/frame';
import type { Model, ModelPack, SessionOptions } from '@understudy/inference';
import { openModel } from '@understudy/inference';

import type { Landmarks } from './points.js';
import { extentOf, rollOf, transformLandmarks, unmirror } from './points.js';

/** Side of the network's input. */
const INPUT = 64;

/** The face is cut out once per pass, upright and with a border, and the network's views are taken from that patch. */
const PATCH = 160;
const PATCH_PER_BOX = 1.4;
const BOX_IN_PATCH = PATCH / PATCH_PER_BOX;

/**
 * The box of the face relative to the extent of its 68 points: as the detector draws it on average, since the network
 * was trained on such boxes. `lift` is the shift of the centre in heights.
 */
const BOX = { width: 1, height: 1.22, lift: -0.12 };

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

export interface Landmarker {
  /**
   * The 68 points of the face in a detector's box.
   *
   * @returns 136 numbers, x and y in turn, in plate pixels.
   */
  locate(frame: Frame, box: Box): Promise<Float64Array>;
  release(): Promise<void>;
}

export async function openLandmarker(pack: ModelPack, options: SessionOptions): Promise<Landmarker> {
  const model = await openModel(pack, 'landmarks', options);
  return {
    locate: async (frame, box) => {
      const first = await infer(model, cropGrey(frame, box, INPUT, INPUT));
      let points = transformLandmarks(first, [box.width, 0, box.x, 0, box.height, box.y]);
      for (const views of PASSES) points = await refine(model, frame, points, views);
      return points;
    },
    release: () => model.release(),
  };
}

async function refine(model: Model, frame: Frame, points: Landmarks, views: readonly View[]): Promise<Float64Array> {
  const margin = (PATCH - BOX_IN_PATCH) / 2;
  const toPatch = composeAffine([BOX_IN_PATCH, 0, margin, 0, BOX_IN_PATCH, margin], plateToUnitBox(points));
  const patch: Raster = { width: PATCH, height: PATCH, samples: cropGrey(frame, toPatch, PATCH, PATCH) };
  const sum = new Float64Array(points.length);
  for (const view of views) {
    const found = await look(model, patch, view);
    for (let i = 0; i < sum.length; i++) sum[i]! += found[i]! / views.length;
  }
  return transformLandmarks(sum, invertAffine(toPatch));
}

/** The points that one view gives, in patch coordinates. */
async function look(model: Model, patch: Raster, { dx, dy, mirrored }: View): Promise<Float64Array> {
  const width = mirrored ? -BOX_IN_PATCH : BOX_IN_PATCH;
  const x = PATCH / 2 + dx * BOX_IN_PATCH - width / 2;
  const y = PATCH / 2 + dy * BOX_IN_PATCH - BOX_IN_PATCH / 2;
  const inputToPatch: Affine = [width / INPUT, 0, x, 0, BOX_IN_PATCH / INPUT, y];
  const crop = new Float32Array(INPUT * INPUT);
  resample(patch, inputToPatch, INPUT, INPUT, crop);
  const found = await infer(model, crop);
  return mirrored
    ? transformLandmarks(unmirror(found), [-width, 0, x, 0, BOX_IN_PATCH, y])
    : transformLandmarks(found, [width, 0, x, 0, BOX_IN_PATCH, y]);
}

async function infer(model: Model, grey: Float32Array): Promise<Float32Array> {
  const { mean, divisor } = model.manifest;
  const input = grey.map((value) => (Math.min(255, Math.max(0, value)) - mean) / divisor);
  const { output } = await model.run({ input });
  if (output === undefined) throw new TypeError('the landmark model gave no output');
  return output;
}

/** Plate to 0..1 of the face's own box, turned so that the eyes are level. */
function plateToUnitBox(points: Landmarks): Affine {
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
