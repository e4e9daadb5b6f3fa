import { cosine } from '../identity/cosine.js';
import { outerEyeDistance, type MeasuredFace } from './measured-face.js';

/** The same frame before and after, each measured by its own detection. */
export interface QualitySample {
  readonly plate: MeasuredFace;
  /** Undefined where no face is found in the output. */
  readonly output: MeasuredFace | undefined;
  readonly picture?: PictureFigures;
}

/** What the pixels alone say of one frame. */
export interface PictureFigures {
  /** Outside the written box; Infinity when not one sample differs. */
  readonly backgroundPsnrDb: number;
  /** 95th percentile of the colour difference (CIEDE2000) between plate and output just inside the rim of what changed. */
  readonly seamDeltaE: number;
  /** Mean colour difference (CIE 1976) there. */
  readonly rimDeltaE76: number;
}

export interface QualityFigures {
  readonly frames: number;
  readonly droppedFaces: number;
  /** Mean cosines; a frame whose output face is not detected counts 0. */
  readonly idToIdentityBefore: number;
  readonly idToIdentity: number;
  readonly idToIdentityP10: number;
  readonly idToPlate: number;
  /** Mean distance of 68 points from the plate's over the outer eye corners' distance: median and 90th percentile. */
  readonly landmarkNme: number;
  readonly landmarkNmeP90: number;
  /** Null where the plate's own mouth or head hardly moves. */
  readonly mouthCorrelation: number | null;
  readonly yawCorrelation: number | null;
  /** Second differences of the output's points over the plate's: 1 is as steady as the plate. */
  readonly jitterRatio: number | null;
  readonly backgroundPsnrDb: number | null;
  readonly seamDeltaE: number | null;
  readonly rimDeltaE76: number | null;
}

/** Standard deviations below which there is no motion to follow. */
const MOUTH_MOVES = 0.012;
const HEAD_TURNS_DEG = 2;
/** A lost face's landmark error: as bad as a face beside the right one. */
const LOST_ERROR = 1;

/**
 * @param samples frames in order, evenly spaced.
 * @param identity mean embedding of the identity, of length 1.
 * @throws RangeError without samples.
 */
export function qualityFigures(samples: readonly QualitySample[], identity: Float32Array): QualityFigures {
  if (samples.length === 0) throw new RangeError('no frames were measured');
  const before = samples.map(({ plate }) => cosine(plate.embedding, identity));
  const after = samples.map(({ output }) => (output === undefined ? 0 : cosine(output.embedding, identity)));
  const toPlate = samples.map(({ plate, output }) =>
    output === undefined ? 0 : cosine(output.embedding, plate.embedding),
  );
  const errors = samples.map(({ plate, output }) =>
    output === undefined ? LOST_ERROR : landmarkError(output.landmarks, plate.landmarks),
  );
  const found = samples.filter(
    (sample): sample is QualitySample & { output: MeasuredFace } => sample.output !== undefined,
  );
  const pictures = samples.flatMap(({ picture }) => picture ?? []);
  return {
    frames: samples.length,
    droppedFaces: samples.length - found.length,
    idToIdentityBefore: mean(before),
    idToIdentity: mean(after),
    idToIdentityP10: quantile(after, 0.1),
    idToPlate: mean(toPlate),
    landmarkNme: quantile(errors, 0.5),
    landmarkNmeP90: quantile(errors, 0.9),
    mouthCorrelation: followed(found, (face) => face.mouthOpening, MOUTH_MOVES),
    yawCorrelation: followed(found, (face) => face.yawDeg, HEAD_TURNS_DEG),
    jitterRatio: jitterRatio([samples]),
    backgroundPsnrDb: pictures.length === 0 ? null : Math.min(...pictures.map((picture) => picture.backgroundPsnrDb)),
    seamDeltaE: pictures.length === 0 ? null : mean(pictures.map((picture) => picture.seamDeltaE)),
    rimDeltaE76: pictures.length === 0 ? null : mean(pictures.map((picture) => picture.rimDeltaE76)),
  };
}

/** Mean distance of 68 points, over the outer eye corners' distance of `truth`. */
export function landmarkError(points: ArrayLike<number>, truth: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < truth.length; i += 2) sum += Math.hypot(points[i]! - truth[i]!, points[i + 1]! - truth[i + 1]!);
  return sum / (truth.length / 2) / Math.max(1e-6, outerEyeDistance(truth));
}

function followed(
  samples: readonly { readonly plate: MeasuredFace; readonly output: MeasuredFace }[],
  value: (face: MeasuredFace) => number,
  leastMotion: number,
): number | null {
  const plate = samples.map((sample) => value(sample.plate));
  if (plate.length < 3 || deviation(plate) < leastMotion) return null;
  return correlation(
    plate,
    samples.map((sample) => value(sample.output)),
  );
}

/**
 * Mean second difference of the output's points over the plate's own.
 *
 * @param runs each of evenly spaced frames in order; null when none of them has three with both faces found.
 */
export function jitterRatio(runs: readonly (readonly Pick<QualitySample, 'plate' | 'output'>[])[]): number | null {
  const plate: number[] = [];
  const output: number[] = [];
  for (const samples of runs) {
    for (let i = 1; i + 1 < samples.length; i++) {
      const window = [samples[i - 1]!, samples[i]!, samples[i + 1]!];
      const outputs = window.flatMap((sample) => sample.output ?? []);
      if (outputs.length < 3) continue;
      plate.push(secondDifference(window.map((sample) => sample.plate)));
      output.push(secondDifference(outputs));
    }
  }
  return plate.length === 0 ? null : mean(output) / Math.max(1e-9, mean(plate));
}

function secondDifference(faces: readonly MeasuredFace[]): number {
  const [a, b, c] = faces.map((face) => face.landmarks) as [Float64Array, Float64Array, Float64Array];
  let sum = 0;
  for (let i = 0; i < b.length; i += 2) {
    sum += Math.hypot(a[i]! - 2 * b[i]! + c[i]!, a[i + 1]! - 2 * b[i + 1]! + c[i + 1]!);
  }
  return sum / (b.length / 2);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The value that the given part of all values does not exceed (nearest rank). */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}

/** Pearson's correlation; 0 when either side does not move. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const spread = deviation(a) * deviation(b);
  if (spread < 1e-12) return 0;
  const [meanA, meanB] = [mean(a), mean(b)];
  return mean(a.map((value, i) => (value - meanA) * (b[i]! - meanB))) / spread;
}
