import { cosine } from '../identity/cosine.js';

/** `(1 - strength) * original + strength * restored`, sample by sample. */
export function blendCrops(original: Float32Array, restored: Float32Array, strength: number): Float32Array {
  return original.map((value, i) => value + strength * (restored[i]! - value));
}

export interface BoundedBlend {
  readonly rgb: Float32Array;
  readonly strength: number;
  /** 1 less the cosine of the identities before and after. */
  readonly drift: number;
}

/** Halvings after which the strength is known to a 64th. */
const HALVINGS = 6;

/**
 * Blends a restored crop with its original by the greatest strength, up to the one asked for, at which identity drifts
 * no further than the bound. Restorers beautify: what they add must not cost the likeness.
 *
 * @param identityOf the identity in a crop, by any recogniser
 * @param maxDrift 0..2; 0 keeps the original
 */
export async function blendWithinDrift(
  original: Float32Array,
  restored: Float32Array,
  bound: { readonly strength: number; readonly maxDrift: number },
  identityOf: (rgb: Float32Array) => Promise<Float32Array>,
): Promise<BoundedBlend> {
  const before = await identityOf(original);
  const at = async (strength: number): Promise<BoundedBlend> => {
    const rgb = blendCrops(original, restored, strength);
    return { rgb, strength, drift: 1 - cosine(before, await identityOf(rgb)) };
  };
  const full = await at(bound.strength);
  if (full.drift <= bound.maxDrift) return full;
  let held: BoundedBlend = { rgb: original, strength: 0, drift: 0 };
  let tooMuch = bound.strength;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = await at((held.strength + tooMuch) / 2);
    if (middle.drift <= bound.maxDrift) held = middle;
    else tooMuch = middle.strength;
  }
  return held;
}
