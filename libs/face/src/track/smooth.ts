import { eyeDistance } from '../landmarks/points.js';
import { meanDistance } from './geometry.js';

/** One frame of a track on its way to being smoothed. `weight` is 1 for a measured face, less for a filled one. */
export interface Sample {
  readonly landmarks: readonly number[];
  readonly weight: number;
}

/** Frames on each side that a fit looks at: 0.3 s of a 30 frame clip. */
const REACH = 4;

/** Motion within a window is taken for a polynomial of this degree. */
const DEGREE = 3;

/** A step of the whole face beyond this part of the eye distance, against the steps beside it, is a cut, not motion. */
const BREAK = 0.5;

/** A residual this many times the noise's energy or more is motion and stays. */
const MOTION = 3;

/**
 * Takes the jitter out of a track's landmarks, without lag: each point is fitted by a local polynomial over the frames
 * around it (Savitzky and Golay 1964, with weights), and what the fit leaves over is put back as far as it is more than
 * the track's own noise, so that a blink or a quick word keeps its height.
 */
export function smoothTrack(samples: readonly Sample[]): Float64Array[] {
  const segments: Float64Array[][] = [];
  let start = 0;
  for (let frame = 1; frame <= samples.length; frame++) {
    if (frame < samples.length && !isBreak(samples, frame)) continue;
    segments.push(smoothSegment(samples.slice(start, frame)));
    start = frame;
  }
  return segments.flat();
}

function isBreak(samples: readonly Sample[], frame: number): boolean {
  const step = (to: number) =>
    to < 1 || to >= samples.length ? 0 : meanDistance(samples[to - 1]!.landmarks, samples[to]!.landmarks);
  const around = Math.max(step(frame - 1), step(frame + 1));
  return step(frame) - 2 * around > BREAK * eyeDistance(samples[frame - 1]!.landmarks);
}

function smoothSegment(samples: readonly Sample[]): Float64Array[] {
  if (samples.length < 3) return samples.map(({ landmarks }) => Float64Array.from(landmarks));
  const fitted = samples.map((_, frame) => fitAt(samples, frame));
  const noise = noiseOf(samples);
  return fitted.map((fit, frame) => {
    const kept = Float64Array.from(fit);
    const sample = samples[frame]!;
    if (sample.weight < 1) return kept;
    for (let i = 0; i < kept.length; i++) {
      const share = motionShare(samples, fitted, frame, i, noise[i]!);
      kept[i]! += share * (sample.landmarks[i]! - kept[i]!);
    }
    return kept;
  });
}

/** How much of the residual is motion, 0..1: its mean energy around the frame against the noise's. */
function motionShare(
  samples: readonly Sample[],
  fitted: readonly Float64Array[],
  frame: number,
  index: number,
  noise: number,
): number {
  let energy = 0;
  let weights = 0;
  for (let near = frame - 1; near <= frame + 1; near++) {
    const sample = samples[near];
    if (sample === undefined || sample.weight < 1) continue;
    const weight = near === frame ? 2 : 1;
    energy += weight * (sample.landmarks[index]! - fitted[near]![index]!) ** 2;
    weights += weight;
  }
  const excess = energy / weights - MOTION * noise * noise;
  return excess <= 0 ? 0 : excess / (excess + MOTION * noise * noise);
}

/**
 * Standard deviation of each coordinate's jitter: from the median of third differences, which motion hardly reaches.
 * Third differences of independent noise have 20 times its variance.
 */
function noiseOf(samples: readonly Sample[]): Float64Array {
  const count = samples[0]!.landmarks.length;
  const noise = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const differences: number[] = [];
    for (let frame = 3; frame < samples.length; frame++) {
      const [a, b, c, d] = [3, 2, 1, 0].map((back) => samples[frame - back]!);
      if (a!.weight < 1 || b!.weight < 1 || c!.weight < 1 || d!.weight < 1) continue;
      const [p, q, r, s] = [a!.landmarks[i]!, b!.landmarks[i]!, c!.landmarks[i]!, d!.landmarks[i]!];
      differences.push(Math.abs(s - 3 * r + 3 * q - p));
    }
    differences.sort((x, y) => x - y);
    // 1.4826: from the median of absolute values to the standard deviation of a normal distribution.
    noise[i] = (1.4826 * (differences[differences.length >> 1] ?? 0)) / Math.sqrt(20);
  }
  return noise;
}

/** The weighted polynomial fit around a frame, read at that frame. */
function fitAt(samples: readonly Sample[], frame: number): Float64Array {
  const from = Math.max(0, frame - REACH);
  const to = Math.min(samples.length - 1, frame + REACH);
  const weights = fitWeights(
    samples.slice(from, to + 1).map(({ weight }, index) => ({ offset: from + index - frame, weight })),
  );
  const out = new Float64Array(samples[frame]!.landmarks.length);
  weights.forEach((weight, index) => {
    const { landmarks } = samples[from + index]!;
    for (let i = 0; i < out.length; i++) out[i]! += weight * landmarks[i]!;
  });
  return out;
}

/** By how much each sample counts in the value at offset 0 of the polynomial fitted to all of them. */
function fitWeights(window: readonly { offset: number; weight: number }[]): number[] {
  // At a segment's end a high degree would swing: the fit is one-sided there.
  const isOneSided = window[0]!.offset > -REACH || window.at(-1)!.offset < REACH;
  const degree = Math.min(isOneSided ? 2 : DEGREE, window.length - 1);
  const size = degree + 1;
  const matrix = Array.from({ length: size }, () => new Float64Array(size + 1));
  for (const { offset, weight } of window) {
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) matrix[row]![column]! += weight * offset ** (row + column);
    }
  }
  matrix[0]![size] = 1;
  const solved = solve(matrix);
  return window.map(({ offset, weight }) => {
    let sum = 0;
    for (let power = 0; power < size; power++) sum += solved[power]! * offset ** power;
    return weight * sum;
  });
}

/** Gauss-Jordan elimination with row pivots of `[A | b]`. */
function solve(matrix: Float64Array[]): number[] {
  const size = matrix.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(matrix[row]![column]!) > Math.abs(matrix[pivot]![column]!)) pivot = row;
    }
    [matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!];
    const lead = matrix[column]!;
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const factor = matrix[row]![column]! / lead[column]!;
      for (let k = column; k <= size; k++) matrix[row]![k]! -= factor * lead[k]!;
    }
  }
  return matrix.map((row, index) => row[size]! / row[index]!);
}
