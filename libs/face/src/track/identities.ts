import type { FaceObservation } from '@understudy/contracts';

import { SAME_PERSON_COSINE, cosine, normalise } from '../identity/cosine.js';
import { decodeEmbedding } from '../identity/embedding-text.js';
import { LONGEST_GAP } from './associate.js';
import { faceSize, isClear, meanDistance, predict } from './geometry.js';
import type { Tracklet } from './track.js';

/** Below this two runs of a tracklet are two persons: strangers lie near 0, one person turned or blurred higher. */
const CHANGED_COSINE = 0.2;

/** Mean identity of the best observations, of length 1; null when none was measured. */
export function meanIdentity(tracklet: readonly FaceObservation[]): Float32Array | null {
  const measured = tracklet.flatMap((observation) =>
    observation.embedding === undefined
      ? []
      : [{ observation, identity: normalise(decodeEmbedding(observation.embedding)) }],
  );
  if (measured.length === 0) return null;
  const best = measured
    .toSorted(
      (a, b) => qualityOf(b.observation) - qualityOf(a.observation) || a.observation.frame - b.observation.frame,
    )
    .slice(0, Math.max(1, Math.ceil(measured.length / 2)));
  return sumOf(best.map(({ identity }) => identity));
}

/** How much a face tells about identity: large, sharp and seen from the front. */
function qualityOf({ landmarks, score, sharpness = 0.05, yawDeg = 0 }: FaceObservation): number {
  const frontal = Math.cos((Math.min(80, Math.abs(yawDeg)) * Math.PI) / 180);
  return score * frontal * Math.min(1, faceSize(landmarks) / 60) * Math.sqrt(Math.max(0.01, sharpness));
}

function sumOf(identities: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(identities[0]!.length);
  for (const identity of identities) for (let i = 0; i < sum.length; i++) sum[i]! += identity[i]!;
  return normalise(sum);
}

/** A face that moves on within this part of its size has not been exchanged for another. */
const SEAMLESS = 0.06;

/** Frames around a change of identity in which a second face may have come near. */
const ENCOUNTER_FRAMES = 6;

/**
 * Cuts a tracklet where the person changes: two faces that crossed and swapped places, or a cut between two shots with
 * a face in the same spot. The cut lies at the largest jump between the last sight of one and the first of the other.
 * A face that moves on smoothly with nobody near stays one, however its likeness drops: it turned away.
 *
 * @param frames all observations, by frame.
 */
export function splitByIdentity(tracklet: Tracklet, frames: readonly (readonly FaceObservation[])[]): Tracklet[] {
  const measured = tracklet.flatMap((observation, index) =>
    observation.embedding === undefined ? [] : [{ index, identity: normalise(decodeEmbedding(observation.embedding)) }],
  );
  let worst = { likeness: CHANGED_COSINE, index: -1 };
  for (let cut = 1; cut < measured.length; cut++) {
    const before = sumOf(measured.slice(Math.max(0, cut - 3), cut).map(({ identity }) => identity));
    const after = sumOf(measured.slice(cut, cut + 3).map(({ identity }) => identity));
    const likeness = cosine(before, after);
    if (likeness >= worst.likeness) continue;
    const { index, jump } = largestJump(tracklet, measured[cut - 1]!.index + 1, measured[cut]!.index);
    if (jump > SEAMLESS || meetsAnother(tracklet, index, frames)) worst = { likeness, index };
  }
  if (worst.index < 0) return [tracklet];
  const [before, after] = [tracklet.slice(0, worst.index), tracklet.slice(worst.index)];
  return [...splitByIdentity(before, frames), ...splitByIdentity(after, frames)];
}

function meetsAnother(tracklet: Tracklet, index: number, frames: readonly (readonly FaceObservation[])[]): boolean {
  const at = tracklet[index]!.frame;
  return tracklet.some(
    (own) =>
      Math.abs(own.frame - at) <= ENCOUNTER_FRAMES &&
      (frames[own.frame] ?? []).some(
        (other) => other !== own && meanDistance(other.landmarks, own.landmarks) < 1.5 * faceSize(own.landmarks),
      ),
  );
}

function largestJump(tracklet: Tracklet, from: number, to: number): { jump: number; index: number } {
  let best = { jump: -1, index: to };
  for (let index = from; index <= to; index++) {
    const last = tracklet[index - 1]!;
    const here = tracklet[index]!;
    const expected = predict(tracklet[index - 2], last, here.frame);
    const jump = meanDistance(expected, here.landmarks) / faceSize(last.landmarks);
    if (jump > best.jump) best = { jump, index };
  }
  return best;
}

/**
 * Joins tracklets of one person over a short absence: behind another head, out of a swap that was cut. Needs both the
 * same identity and a way that a head can have gone in the time.
 */
export function joinByIdentity(tracklets: readonly Tracklet[], sceneCuts: readonly number[]): Tracklet[] {
  const joined = tracklets.toSorted((a, b) => a[0]!.frame - b[0]!.frame).map(withEnds);
  for (;;) {
    const pair = bestPair(joined, sceneCuts);
    if (pair === undefined) return joined.map(({ tracklet }) => tracklet);
    joined[pair.first] = withEnds([...joined[pair.first]!.tracklet, ...joined[pair.second]!.tracklet]);
    joined.splice(pair.second, 1);
  }
}

/** How many observations at a tracklet's end speak for who it is there. */
const END = 40;

interface Joinable {
  readonly tracklet: Tracklet;
  readonly head: Float32Array | null;
  readonly tail: Float32Array | null;
}

function withEnds(tracklet: Tracklet): Joinable {
  return { tracklet, head: meanIdentity(tracklet.slice(0, END)), tail: meanIdentity(tracklet.slice(-END)) };
}

function bestPair(tracklets: readonly Joinable[], sceneCuts: readonly number[]) {
  let best: { first: number; second: number; likeness: number } | undefined;
  for (const [first, { tracklet: before, tail }] of tracklets.entries()) {
    for (const [second, { tracklet: after, head }] of tracklets.entries()) {
      if (first === second || tail === null || head === null || !canFollow(before, after, sceneCuts)) continue;
      const likeness = cosine(tail, head);
      if (likeness < SAME_PERSON_COSINE || (best !== undefined && likeness <= best.likeness)) continue;
      best = { first, second, likeness };
    }
  }
  return best;
}

function canFollow(before: Tracklet, after: Tracklet, sceneCuts: readonly number[]): boolean {
  if (after[0]!.frame <= before.at(-1)!.frame) return false;
  const seen = before.some(isClear) ? before.filter(isClear) : before;
  const last = seen.at(-1)!;
  const next = after.find(isClear) ?? after[0]!;
  const gap = next.frame - last.frame;
  if (gap > 2 * LONGEST_GAP) return false;
  if (sceneCuts.some((cut) => cut > last.frame && cut <= next.frame)) return false;
  const way = meanDistance(predict(seen.at(-2), last, next.frame), next.landmarks) / faceSize(last.landmarks);
  return way <= 0.5 + 0.12 * gap;
}
