import { SAME_PERSON_COSINE, cosine } from '../identity/cosine.js';
import type { Stranger } from './stranger.js';

/** Somebody who may stand in, as the recogniser sees them. */
export interface StrangerCandidate {
  readonly stranger: Stranger;
  readonly embedding: Float32Array;
}

/** Strangers are numbered from 0 to this. */
const STRANGERS = 1_000_000;
/** A step that meets all of them, since it shares no factor with their number. */
const STEP = 618_033;
/** So many are drawn before it is given up: each costs about a second. */
const MOST_TRIED = 12;

/**
 * The first of the seed's strangers who resembles none of the faces: neither the one to be covered, nor anybody who is to be
 * kept apart.
 *
 * @param seed of the shot and the track: the same seed and faces choose the same stranger on every lane
 * @param taken numbers that others of the shot have; the chosen one is added
 * @returns null where nobody unlike enough is found: the face is to be covered plainly
 */
export async function chooseStranger(
  seed: number,
  draw: (number: number) => Promise<StrangerCandidate>,
  faces: readonly Float32Array[],
  taken: Set<number>,
): Promise<Stranger | null> {
  for (let tried = 0, number = seed % STRANGERS; tried < MOST_TRIED; tried++, number = (number + STEP) % STRANGERS) {
    if (taken.has(number)) continue;
    const { stranger, embedding } = await draw(number);
    if (faces.some((face) => cosine(face, embedding) >= SAME_PERSON_COSINE)) continue;
    taken.add(number);
    return stranger;
  }
  return null;
}
