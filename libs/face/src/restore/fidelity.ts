import type { Frame } from '@understudy/frame';
import { wrapFrame } from '@understudy/frame';

import { cosine } from '../identity/cosine.js';
import type { Landmarks } from '../landmarks/points.js';

/** `(1 - strength) * original + strength * restored`, sample by sample. */
export function blendCrops(original: Float32Array, restored: Float32Array, strength: number): Float32Array {
  return original.map((value, i) => value + strength * (restored[i]! - value));
}

/** A strength, and how far identity drifts at it: 1 less the cosine of the identities before and after. */
export interface BoundedStrength {
  readonly strength: number;
  readonly drift: number;
}

export interface BoundedBlend extends BoundedStrength {
  readonly rgb: Float32Array;
}

export interface DriftBound {
  /** The strength asked for, 0..1. */
  readonly strength: number;
  /** 0..2; 0 keeps the original. */
  readonly maxDrift: number;
}

/** Halvings after which the strength is known to a 64th. */
const HALVINGS = 6;

/** The greatest strength, up to the one asked for, at which the drift is within the bound; `none` where there is none. */
async function greatestWithin<Tried extends BoundedStrength>(
  { strength, maxDrift }: DriftBound,
  none: Tried,
  at: (strength: number) => Promise<Tried>,
): Promise<Tried> {
  const full = await at(strength);
  if (full.drift <= maxDrift) return full;
  let held = none;
  let tooMuch = strength;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = await at((held.strength + tooMuch) / 2);
    if (middle.drift <= maxDrift) held = middle;
    else tooMuch = middle.strength;
  }
  return held;
}

/**
 * Blends a restored crop with its original by the greatest strength, up to the one asked for, at which identity drifts
 * no further than the bound. Restorers beautify: what they add must not cost the likeness.
 *
 * @param identityOf the identity in a crop, by any recogniser
 */
export async function blendWithinDrift(
  original: Float32Array,
  restored: Float32Array,
  bound: DriftBound,
  identityOf: (rgb: Float32Array) => Promise<Float32Array>,
): Promise<BoundedBlend> {
  const before = await identityOf(original);
  return greatestWithin(bound, { rgb: original, strength: 0, drift: 0 }, async (strength) => {
    const rgb = blendCrops(original, restored, strength);
    return { rgb, strength, drift: 1 - cosine(before, await identityOf(rgb)) };
  });
}

/** A frame of a track with what a restorer would write into it. */
export interface RestoredSample {
  readonly frame: Frame;
  readonly landmarks: Landmarks;
  /** Writes the restored face into a frame of the same picture. */
  readonly write: (frame: Frame, strength: number) => void;
}

/**
 * One strength for a whole track: the greatest, up to the one asked for, at which identity drifts no further than the bound
 * in any of its sampled frames. One for all frames, so that nothing flickers, and found from the same frames by whoever
 * renders a part of it.
 *
 * @returns the strength with the largest drift at it
 */
export async function strengthWithinDrift(
  samples: readonly RestoredSample[],
  bound: DriftBound,
  identityOf: (frame: Frame, landmarks: Landmarks) => Promise<Float32Array>,
): Promise<BoundedStrength> {
  const before: Float32Array[] = [];
  for (const { frame, landmarks } of samples) before.push(await identityOf(frame, landmarks));
  return greatestWithin(bound, { strength: 0, drift: 0 }, async (strength) => {
    let drift = 0;
    for (const [index, { frame, landmarks, write }] of samples.entries()) {
      const tried = wrapFrame(frame.spec, frame.bytes.slice());
      write(tried, strength);
      drift = Math.max(drift, 1 - cosine(before[index]!, await identityOf(tried, landmarks)));
    }
    return { strength, drift };
  });
}
