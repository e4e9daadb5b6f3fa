import type { FaceObservation } from '@understudy/contracts';
import { type Frame, wrapFrame } from '@understudy/frame';

import { type FaceModels, faceAnalyser } from '../analyse.js';
import { cosine } from '../identity/cosine.js';
import type { PreparedIdentity } from '../replace/identity.js';
import { replaceFace } from '../replace/replace-face.js';
import type { ReplaceSettings } from '../replace/settings.js';
import { prepareReplaceTrack, type PreparedReplaceTrack } from '../replace/track.js';
import { linkTracks } from '../track/link.js';
import type { Track } from '../track/track.js';
import { jitterRatio, qualityFigures, type QualityFigures, type QualitySample } from './figures.js';
import { addedChange, borderRatio, type Rendered } from './border.js';
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
  /** One run of three neighbouring frames is measured in so many frames, 3 at least. */
  readonly every: number;
  /** Ranges as shards are: each is rendered with a track prepared for it alone. */
  readonly rangeFrames: number;
  /** What the identity was prepared with. */
  readonly settings: ReplaceSettings;
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

/** How many neighbouring frames of a run are measured: a second difference needs three. */
const RUN = 3;

/** Replaces a track's face in memory, frame by frame as a lane does, and measures what came of it. Frames that nothing is taken from are left out. */
export async function measureReplacement(
  models: FaceModels,
  clip: MeasuredClip,
  track: Track,
  identity: MeasuredIdentity,
  { every, rangeFrames, settings }: MeasureOptions,
): Promise<ReplacementFigures> {
  const landmarks = track.faces.map((face) => face.landmarks);
  const runs: QualitySample[][] = [];
  const steps: { inside: number[]; atBorder: number[] } = { inside: [], atBorder: [] };
  let prepared: PreparedReplaceTrack | undefined;
  let before: Rendered | undefined;
  let frameNumber = -1;
  for await (const plate of clip.frames()) {
    frameNumber += 1;
    const turn = frameNumber % every;
    const isBorder = frameNumber % rangeFrames === 0;
    if (isBorder || prepared === undefined) {
      prepared = prepareReplaceTrack(identity.prepared, landmarks, settings);
    }
    const face = track.faces[frameNumber - track.startFrame];
    const isLookedAt = turn < RUN || isBorder || (frameNumber + 1) % rangeFrames === 0;
    if (face === undefined || !isLookedAt) {
      before = undefined;
      continue;
    }
    const output = wrapFrame(plate.spec, plate.bytes.slice());
    const box = replaceFace(output, prepared, face.landmarks);
    const now = { plate, output };
    if (before !== undefined) steps[isBorder ? 'atBorder' : 'inside'].push(addedChange(before, now, box));
    before = now;
    if (turn >= RUN) continue;
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
