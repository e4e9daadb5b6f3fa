import type { FaceObservation } from '@understudy/contracts';
import type { Box } from '@understudy/frame';

import { associate } from './associate.js';
import { SPREAD, faceSize, isClear, meanDistance } from './geometry.js';
import { joinByIdentity, meanIdentity, splitByIdentity } from './identities.js';
import { smoothTrack } from './smooth.js';
import type { LinkOptions, Track, TrackedFace, Tracklet } from './track.js';

/** Small faces are looked for in every sixth frame, so gaps up to five are no sign of trouble. */
const EXPECTED_GAP = 6;

const WEAK_SCORE = 0.6;

/** How much a filled frame counts in smoothing. */
const FILLED_WEIGHT = 0.2;

/**
 * Links the faces of a whole clip into tracks: who is who, where each face is in every frame, without jitter. The same
 * observations always give the same tracks.
 *
 * @param frames observations of each frame, `frames[n]` of frame n; `options.frameCount` entries.
 * @returns tracks in the order of their first frames.
 * @throws RangeError when the number of frames differs.
 */
export function linkTracks(frames: readonly (readonly FaceObservation[])[], options: LinkOptions): Track[] {
  if (frames.length !== options.frameCount) {
    throw new RangeError(`${options.frameCount} frames announced, observations of ${frames.length} given`);
  }
  const cuts = options.sceneCuts ?? [];
  const tracklets = associate(frames, new Set(cuts)).flatMap((tracklet) => splitByIdentity(tracklet, frames));
  return joinByIdentity(tracklets, cuts)
    .filter((tracklet) => isFace(tracklet, options.frameCount))
    .toSorted((a, b) => a[0]!.frame - b[0]!.frame || a[0]!.landmarks[0]! - b[0]!.landmarks[0]!)
    .map((tracklet, index) => toTrack(tracklet, index));
}

/** A face that is seen once and weakly is a pattern in a bush; what is seen well or again is kept. */
function isFace(tracklet: Tracklet, frameCount: number): boolean {
  const best = Math.max(...tracklet.map(({ score }) => score));
  const evidence = tracklet.reduce(
    (sum, { score, spread = 0 }) => sum + 2 * (score - 0.5) * Math.max(0, 1 - spread / SPREAD.noFace),
    0,
  );
  return best >= 0.7 && evidence >= Math.min(1.6, 0.4 * frameCount);
}

function toTrack(tracklet: Tracklet, track: number): Track {
  const usable = tracklet.some(isClear) ? tracklet.filter(isClear) : tracklet;
  const raw = fillGaps(usable);
  const smoothed = smoothTrack(raw.map(({ landmarks, filled }) => ({ landmarks, weight: filled ? FILLED_WEIGHT : 1 })));
  const faces = raw.map((face, index) => ({
    ...face,
    landmarks: Array.from(smoothed[index]!, (value) => Math.round(value * 100) / 100),
  }));
  const identity = meanIdentity(usable);
  const startFrame = raw[0]!.frame;
  const endFrame = raw.at(-1)!.frame + 1;
  const uncertain = [...uncertainGaps(usable), ...uncertainSights(tracklet)].filter(
    (frame) => frame >= startFrame && frame < endFrame,
  );
  return {
    track,
    startFrame,
    endFrame,
    faces,
    embedding: identity === null ? null : Array.from(identity),
    uncertainFrames: [...new Set(uncertain)].toSorted((a, b) => a - b),
  };
}

function fillGaps(tracklet: Tracklet): TrackedFace[] {
  const faces: TrackedFace[] = [];
  tracklet.forEach((observation, index) => {
    const { frame, landmarks, box, score } = observation;
    faces.push({ frame, landmarks, box, filled: false, confidence: score });
    const next = tracklet[index + 1];
    if (next === undefined) return;
    for (let between = frame + 1; between < next.frame; between++) faces.push(interpolate(observation, next, between));
  });
  return faces;
}

function interpolate(before: FaceObservation, after: FaceObservation, frame: number): TrackedFace {
  const span = after.frame - before.frame;
  const t = (frame - before.frame) / span;
  const mix = (a: number, b: number) => a + (b - a) * t;
  const box: Box = {
    x: mix(before.box.x, after.box.x),
    y: mix(before.box.y, after.box.y),
    width: mix(before.box.width, after.box.width),
    height: mix(before.box.height, after.box.height),
  };
  const doubt = span <= EXPECTED_GAP ? 1 : EXPECTED_GAP / span;
  return {
    frame,
    landmarks: before.landmarks.map((value, index) => mix(value, after.landmarks[index]!)),
    box,
    filled: true,
    confidence: Math.round(Math.min(before.score, after.score) * doubt * 1e4) / 1e4,
  };
}

/** Frames in which the face was seen badly. */
function uncertainSights(tracklet: Tracklet): number[] {
  return tracklet
    .filter((observation) => observation.score < WEAK_SCORE || !isClear(observation))
    .map(({ frame }) => frame);
}

/** Frames of gaps so long, or crossed so fast, that the face need not have been on the way between. */
function uncertainGaps(tracklet: Tracklet): number[] {
  return tracklet.flatMap((before, index) => {
    const after = tracklet[index + 1];
    if (after === undefined) return [];
    const way = meanDistance(before.landmarks, after.landmarks) / faceSize(before.landmarks);
    if (after.frame - before.frame <= EXPECTED_GAP && way < 0.5) return [];
    return Array.from({ length: after.frame - before.frame - 1 }, (_, step) => before.frame + 1 + step);
  });
}
