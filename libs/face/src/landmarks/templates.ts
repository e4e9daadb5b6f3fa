import type { Alignment, AlignmentTemplate } from '@understudy/contracts';
import type { Affine, Raster } from '@understudy/frame';
import { composeAffine, invertAffine, resample } from '@understudy/frame';

import { similarityBetween } from '../identity/similarity.js';
import type { Point } from './points.js';

/** Eyes (the image's left first), nose tip, corners of the mouth (the image's left first). */
export type FivePoints = readonly [Point, Point, Point, Point, Point];

type Pairs = readonly [Pair, Pair, Pair, Pair, Pair];
type Pair = readonly [number, number];

/** Where the five points lie in crops that networks were trained on, in parts of the crop's side. */
const TEMPLATES: Readonly<Record<AlignmentTemplate, Pairs>> = {
  arcface_112_v1: [
    [0.35473, 0.45659],
    [0.64527, 0.45659],
    [0.5, 0.61154],
    [0.37913, 0.77688],
    [0.62087, 0.77688],
  ],
  arcface_112_v2: [
    [0.34192, 0.46157],
    [0.65653, 0.45983],
    [0.50023, 0.64051],
    [0.37098, 0.82469],
    [0.63152, 0.82325],
  ],
  arcface_128: [
    [0.36168, 0.40388],
    [0.63697, 0.40235],
    [0.5002, 0.56044],
    [0.3871, 0.7216],
    [0.61508, 0.72034],
  ],
  ffhq_512: [
    [0.37692, 0.46865],
    [0.62286, 0.46913],
    [0.50124, 0.61332],
    [0.39309, 0.72541],
    [0.6115, 0.7249],
  ],
  mtcnn_512: [
    [0.36563, 0.46734],
    [0.63305, 0.46586],
    [0.50019, 0.61943],
    [0.39033, 0.77599],
    [0.61179, 0.77476],
  ],
  dfl_whole_face: [
    [0.35342, 0.39286],
    [0.62798, 0.39286],
    [0.48661, 0.54018],
    [0.38839, 0.6875],
    [0.59821, 0.6875],
  ],
};

export function templatePoints({ template, size }: Alignment): Point[] {
  return TEMPLATES[template].map(([x, y]) => ({ x: x * size, y: y * size }));
}

/** Plate to the crop that an alignment asks for: scale, turn and shift, without shear. */
export function alignTo(points: FivePoints, alignment: Alignment): Affine {
  return similarityBetween(points, templatePoints(alignment));
}

/**
 * Cuts an aligned crop out of another crop.
 *
 * @param rgb R, G and B planes of `side` x `side`
 * @param points in that crop's coordinates
 * @returns R, G and B planes of the alignment's size
 */
export function realign(rgb: Float32Array, side: number, points: FivePoints, alignment: Alignment): Float32Array {
  const toSource = invertAffine(alignTo(points, alignment));
  return resizePlanes(rgb, side, alignment.size, toSource);
}

/** Three planes of one side drawn at another; through the map from output to source coordinates where one is given. */
export function resizePlanes(rgb: Float32Array, from: number, to: number, toSource?: Affine): Float32Array {
  const map: Affine = toSource ?? composeAffine([from / to, 0, 0, 0, from / to, 0], [1, 0, 0, 0, 1, 0]);
  const out = new Float32Array(3 * to * to);
  for (let c = 0; c < 3; c++) {
    const raster: Raster = { width: from, height: from, samples: rgb.subarray(c * from * from, (c + 1) * from * from) };
    resample(raster, map, to, to, out.subarray(c * to * to, (c + 1) * to * to));
  }
  return out;
}
