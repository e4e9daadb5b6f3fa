import type { FaceObservation } from '@understudy/contracts';

import { cosine, normalise } from '../identity/cosine.js';
import { decodeEmbedding } from '../identity/embedding-text.js';
import { faceSize, meanDistance, predict } from './geometry.js';
import type { Tracklet } from './track.js';

/** A face may be missed for this long and still be taken up where it is expected. */
export const LONGEST_GAP = 24;

/** Largest error of the prediction in face sizes, for the next frame and for each frame more. */
const NEAREST_JUMP = 0.35;
const JUMP_PER_FRAME = 0.06;

/** Faces less alike than this are not one person, however close they lie. */
const STRANGER_COSINE = 0.1;

interface Open {
  readonly tracklet: Tracklet;
  /** Sum of the identities measured so far. */
  identity: Float32Array | null;
}

/**
 * Strings observations together frame by frame: each goes to the open tracklet whose predicted place it fits best.
 * Two faces never share an observation, and measured identities that differ veto a place that fits.
 */
export function associate(frames: readonly (readonly FaceObservation[])[], sceneCuts: ReadonlySet<number>): Tracklet[] {
  const tracklets: Tracklet[] = [];
  let open: Open[] = [];
  frames.forEach((observations, frame) => {
    if (sceneCuts.has(frame)) open = [];
    open = open.filter(({ tracklet }) => frame - tracklet.at(-1)!.frame <= LONGEST_GAP);
    const taken = assign(open, observations, frame);
    observations.forEach((observation, index) => {
      const owner = taken.get(index);
      if (owner !== undefined) {
        extend(owner, observation);
        return;
      }
      const started: Open = { tracklet: [], identity: null };
      extend(started, observation);
      tracklets.push(started.tracklet);
      open.push(started);
    });
  });
  return tracklets;
}

function assign(open: readonly Open[], observations: readonly FaceObservation[], frame: number): Map<number, Open> {
  const pairs: { owner: Open; index: number; cost: number }[] = [];
  for (const owner of open) {
    observations.forEach((observation, index) => {
      const cost = costOf(owner, observation, frame);
      if (cost !== undefined) pairs.push({ owner, index, cost });
    });
  }
  // A stable sort: equal costs go to the older tracklet.
  pairs.sort((a, b) => a.cost - b.cost);
  const taken = new Map<number, Open>();
  const used = new Set<Open>();
  for (const { owner, index } of pairs) {
    if (used.has(owner) || taken.has(index)) continue;
    used.add(owner);
    taken.set(index, owner);
  }
  return taken;
}

function costOf({ tracklet, identity }: Open, observation: FaceObservation, frame: number): number | undefined {
  const last = tracklet.at(-1)!;
  const gap = frame - last.frame;
  const size = faceSize(last.landmarks);
  const distance = meanDistance(predict(tracklet.at(-2), last, frame), observation.landmarks) / size;
  const growth = Math.abs(Math.log(faceSize(observation.landmarks) / size));
  // The points of a covered face wander: it may lie further from where it is expected.
  const doubt = Math.min(0.3, Math.max(observation.spread ?? 0, last.spread ?? 0));
  if (distance > NEAREST_JUMP + doubt + JUMP_PER_FRAME * (gap - 1) || growth > 0.35 + 0.03 * gap) return undefined;
  const place = distance + 0.5 * growth + 0.02 * (gap - 1);
  if (identity === null || observation.embedding === undefined) return place;
  const likeness = cosine(identity, decodeEmbedding(observation.embedding));
  // Blur and turned heads lower the likeness to oneself, so that alone does not break a track that continues exactly.
  if (likeness < STRANGER_COSINE && distance > 0.15) return undefined;
  return place + 0.3 * (1 - likeness);
}

function extend(owner: Open, observation: FaceObservation): void {
  owner.tracklet.push(observation);
  if (observation.embedding === undefined) return;
  const found = normalise(decodeEmbedding(observation.embedding));
  if (owner.identity === null) owner.identity = found;
  else for (let i = 0; i < found.length; i++) owner.identity[i]! += found[i]!;
}
