import type { Affine, Frame } from '@understudy/frame';
import { cropRgb } from '@understudy/frame';
import type { Model, ModelPack, SessionOptions } from '@understudy/inference';
import { openModel } from '@understudy/inference';

import type { Landmarks, Point } from '../landmarks/points.js';
import { meanPoint, pointAt } from '../landmarks/points.js';
import { normalise } from './cosine.js';
import { similarityBetween } from './similarity.js';

const SIZE = 112;

/** Eyes, nose tip and mouth corners in the 112 x 112 crop that the identity model was trained on. */
const TEMPLATE: readonly Point[] = [
  { x: 38.29, y: 51.7 },
  { x: 73.53, y: 51.5 },
  { x: 56.03, y: 71.74 },
  { x: 41.55, y: 92.37 },
  { x: 70.73, y: 92.2 },
];

/** Eyes, nose tip and mouth corners of a face, in that order. */
export function fivePoints(landmarks: Landmarks): [Point, Point, Point, Point, Point] {
  return [
    meanPoint(landmarks, [37, 38, 40, 41]),
    meanPoint(landmarks, [43, 44, 46, 47]),
    pointAt(landmarks, 30),
    meanPoint(landmarks, [48, 60]),
    meanPoint(landmarks, [54, 64]),
  ];
}

/** Plate to the 112 x 112 identity crop. */
export function identityAlignment(landmarks: Landmarks): Affine {
  return similarityBetween(fivePoints(landmarks), TEMPLATE);
}

export interface FaceEmbedder {
  /** Identity of one face: 512 numbers of Euclidean length 1. */
  embed(frame: Frame, landmarks: Landmarks): Promise<Float32Array>;
  /** The same from a crop that was already cut by {@link cropAligned}. */
  embedAligned(crop: AlignedFace): Promise<Float32Array>;
  release(): Promise<void>;
}

/** A face as the identity model sees it: planar R'G'B' of 0..255, 112 x 112. */
export interface AlignedFace {
  readonly size: 112;
  readonly rgb: Float32Array;
  readonly plateToCrop: Affine;
}

export function cropAligned(frame: Frame, landmarks: Landmarks): AlignedFace {
  const plateToCrop = identityAlignment(landmarks);
  return { size: SIZE, rgb: cropRgb(frame, plateToCrop, SIZE, SIZE), plateToCrop };
}

export async function openEmbedder(pack: ModelPack, options: SessionOptions): Promise<FaceEmbedder> {
  const model = await openModel(pack, 'identity', options);
  return {
    embed: (frame, landmarks) => embedAligned(model, cropAligned(frame, landmarks)),
    embedAligned: (crop) => embedAligned(model, crop),
    release: () => model.release(),
  };
}

async function embedAligned(model: Model, { rgb }: AlignedFace): Promise<Float32Array> {
  const { mean, divisor } = model.manifest;
  const input = rgb.map((value) => (Math.min(255, Math.max(0, value)) - mean) / divisor);
  const { output } = await model.run({ input });
  if (output === undefined) throw new TypeError('the identity model gave no output');
  return normalise(output);
}
