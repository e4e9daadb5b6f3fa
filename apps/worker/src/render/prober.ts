import type { AnalysisTable, FaceProbe, RenderLease } from '@understudy/contracts';
import {
  type Detection,
  type FaceModels,
  type Window,
  cosine,
  intersectionOverUnion,
  pointAt,
  wholeWindows,
} from '@understudy/face';
import type { Box, Frame } from '@understudy/frame';

import type { FrameProber } from './steps.js';
import type { Identities } from './identity.js';
import { castTracks } from './cast-tracks.js';

export interface ProberInputs {
  readonly models: FaceModels;
  readonly analysis: AnalysisTable;
  readonly cast: RenderLease['cast'];
  readonly identities: Identities;
}

const LEAST_SCORE = 0.5;
/** The same face, looked for anew: its box lies about where the track says. */
const LEAST_OVERLAP = 0.25;
/** Where the whole frame shows no such face: windows of so many heights of the face, small enough for a small face. */
const WINDOW_HEIGHTS = [4, 6];
/** The detector takes pictures of 4:3. */
const ASPECT = 4 / 3;

/**
 * Measures likeness and geometry of the cast's faces on finished frames. The plate's face is where the analysis found it;
 * in the output nothing but that rough place is believed: its face is detected and its points are located anew.
 */
export function createProber({ models, analysis, cast, identities }: ProberInputs): FrameProber {
  const members = castTracks(cast, analysis);
  return {
    async measure(plateFrame, outputFrame, frameNumber) {
      const probes: FaceProbe[] = [];
      for (const { cast: number, track, shownAt } of members) {
        const shown = shownAt(frameNumber);
        const identity = identities.get(number);
        // Behind another face it is left as filmed, and whoever is found there is not the one who was changed.
        if (shown === undefined || shown.share < 1 || identity === undefined) continue;
        const { face } = shown;
        const before = await models.embedder.embed(plateFrame, face.landmarks);
        const after = await findFace(models, outputFrame, face.box);
        probes.push({
          frame: frameNumber,
          track: track.track,
          cast: number,
          idToIdentityBefore: likeness(before, identity.embedding),
          idToIdentity: likeness(after?.embedding, identity.embedding),
          idToPlate: likeness(after?.embedding, before),
          landmarkNme: after === null ? null : rounded(landmarkError(face.landmarks, after.landmarks)),
        });
      }
      return probes;
    },
  };
}

interface FoundFace {
  readonly landmarks: Float64Array;
  readonly embedding: Float32Array;
}

async function findFace(models: FaceModels, frame: Frame, near: Box): Promise<FoundFace | null> {
  const { width, height } = frame.spec;
  const best =
    (await detectNear(models, frame, near, wholeWindows(width, height))) ??
    (await detectNear(
      models,
      frame,
      near,
      WINDOW_HEIGHTS.map((heights) => windowAround(near, heights)),
    ));
  if (best === undefined) return null;
  const { landmarks } = await models.landmarker.locate(frame, best.box);
  return { landmarks, embedding: await models.embedder.embed(frame, landmarks) };
}

async function detectNear(
  models: FaceModels,
  frame: Frame,
  near: Box,
  windows: readonly Window[],
): Promise<Detection | undefined> {
  const found = await models.detector.detect(frame, windows, LEAST_SCORE);
  const overlap = ({ box }: Detection) => intersectionOverUnion(box, near);
  const [best] = found.filter((face) => overlap(face) >= LEAST_OVERLAP).sort((a, b) => overlap(b) - overlap(a));
  return best;
}

function windowAround({ x, y, width, height }: Box, heights: number): Window {
  const tall = Math.max(height, width) * heights;
  const wide = tall * ASPECT;
  const box = { x: x + width / 2 - wide / 2, y: y + height / 2 - tall / 2, width: wide, height: tall };
  return { box, open: [false, false, false, false], zoomed: true };
}

/** Cosine, or 0 for a face that was not found. */
function likeness(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return a === undefined || b === undefined ? 0 : rounded(cosine(a, b));
}

/** Mean distance of the points, in parts of the distance of the expected face's outer eye corners. */
export function landmarkError(expected: ArrayLike<number>, found: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < expected.length; i += 2) {
    sum += Math.hypot(found[i]! - expected[i]!, found[i + 1]! - expected[i + 1]!);
  }
  const points = Array.from(expected);
  const [left, right] = [pointAt(points, 36), pointAt(points, 45)];
  return sum / (expected.length / 2) / Math.hypot(right.x - left.x, right.y - left.y);
}

function rounded(value: number): number {
  return Math.round(value * 1e5) / 1e5;
}
