import type { FaceObservation } from '@understudy/contracts';
import { type Box, type Frame, wrapFrame } from '@understudy/frame';

import { type FaceModels, faceAnalyser } from '../analyse.js';
import { cosine } from '../identity/cosine.js';
import type { PreparedIdentity } from '../replace/identity.js';
import { replaceFace } from '../replace/replace-face.js';
import { DEFAULT_REPLACE_SETTINGS } from '../replace/settings.js';
import { prepareReplaceTrack, type PreparedReplaceTrack } from '../replace/track.js';
import { linkTracks } from '../track/link.js';
import type { Track } from '../track/track.js';
import { jitterRatio, qualityFigures, quantile, type QualityFigures, type QualitySample } from './figures.js';
import { measureFace } from './measured-face.js';
import { comparePicture } from './picture.js';

export interface MeasuredClip {
  readonly frameCount: number;
  readonly width: number;
  readonly height: number;
  /** All frames from the first, anew at each call; each keeps its memory. */
  frames(): AsyncIterable<Frame>;
}

export interface MeasuredIdentity {
  readonly prepared: PreparedIdentity;
  /** Of length 1. */
  readonly embedding: Float32Array;
}

export interface ReplacementFigures extends QualityFigures {
  /**
   * What was added to the plate changes from frame to frame: the mean of that at the borders of ranges, over the 95th
   * percentile inside them. Null where there is no border or nothing inside.
   */
  readonly borderRatio: number | null;
}

export interface MeasureOptions {
  /** One run of three neighbouring frames is measured in so many frames. */
  readonly every: number;
  /** Ranges as shards are: each is rendered with a track prepared for it alone. */
  readonly rangeFrames: number;
}

/** The track that is replaced, as a lane's analysis finds it. @throws RangeError when there is none */
export async function analyseForMeasure(models: FaceModels, clip: MeasuredClip, wanted?: Float32Array): Promise<Track> {
  const analyser = faceAnalyser(models);
  const observations: FaceObservation[][] = [];
  for await (const frame of clip.frames()) observations.push(await analyser.analyseFrame(frame, observations.length));
  const { frameCount, width, height } = clip;
  const tracks = linkTracks(observations, { frameCount, width, height });
  const likeness = ({ embedding }: Track): number =>
    wanted === undefined || embedding === null ? 0 : cosine(Float32Array.from(embedding), wanted);
  const [track] = tracks.toSorted((a, b) => likeness(b) - likeness(a));
  if (track === undefined) throw new RangeError('the clip shows no face');
  return track;
}

/** Replaces a track's face in memory, frame by frame as a lane does, and measures what came of it. */
export async function measureReplacement(
  models: FaceModels,
  clip: MeasuredClip,
  track: Track,
  identity: MeasuredIdentity,
  { every, rangeFrames }: MeasureOptions,
): Promise<ReplacementFigures> {
  const landmarks = track.faces.map((face) => face.landmarks);
  const runs: QualitySample[][] = [];
  const steps: { inside: number[]; atBorder: number[] } = { inside: [], atBorder: [] };
  let prepared: PreparedReplaceTrack | undefined;
  let before: { plate: Frame; output: Frame } | undefined;
  let frameNumber = -1;
  for await (const plate of clip.frames()) {
    frameNumber += 1;
    const isBorder = frameNumber % rangeFrames === 0;
    if (isBorder || prepared === undefined) {
      prepared = prepareReplaceTrack(identity.prepared, landmarks, DEFAULT_REPLACE_SETTINGS);
    }
    const face = track.faces[frameNumber - track.startFrame];
    if (face === undefined) {
      before = undefined;
      continue;
    }
    const output = wrapFrame(plate.spec, plate.bytes.slice());
    const box = replaceFace(output, prepared, face.landmarks);
    const now = { plate, output };
    if (before !== undefined) steps[isBorder ? 'atBorder' : 'inside'].push(addedChange(before, now, box));
    before = now;
    const turn = frameNumber % every;
    if (turn > 2) continue;
    if (turn === 0 || runs.length === 0) runs.push([]);
    const plateFace = await measureFace(models, plate, face.box);
    if (plateFace === undefined) continue;
    const found = await measureFace(models, output, plateFace.box);
    runs.at(-1)!.push({ plate: plateFace, output: found, picture: comparePicture(plate, output, box) });
  }
  return {
    ...qualityFigures(runs.flat(), identity.embedding),
    jitterRatio: jitterRatio(runs),
    borderRatio: borderRatio(steps),
  };
}

type Pair = { readonly plate: Frame; readonly output: Frame };

/** Mean change of what was added to the luma, from one frame to the next, inside a box. */
function addedChange(before: Pair, now: Pair, box: Box): number {
  const luma = (frame: Frame) => frame.planes[0].samples;
  const { width, height } = now.plate.planes[0];
  const [oldPlate, oldOutput, plate, output] = [before.plate, before.output, now.plate, now.output].map(luma);
  let sum = 0;
  let count = 0;
  for (let y = box.y; y < Math.min(height, box.y + box.height); y += 1) {
    for (let at = y * width + box.x; at < y * width + Math.min(width, box.x + box.width); at += 1) {
      sum += Math.abs(output![at]! - plate![at]! - (oldOutput![at]! - oldPlate![at]!));
      count += 1;
    }
  }
  return count === 0 ? 0 : sum / count;
}

function borderRatio({ inside, atBorder }: { readonly inside: number[]; readonly atBorder: number[] }): number | null {
  if (inside.length === 0 || atBorder.length === 0) return null;
  const mean = atBorder.reduce((sum, value) => sum + value, 0) / atBorder.length;
  return mean / Math.max(1e-9, quantile(inside, 0.95));
}
