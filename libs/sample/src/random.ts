/**
 * Seeded randomness for drawing: the same seed gives the same numbers on every machine, so the same picture.
 */
export type Random = () => number;

/** A generator of numbers in [0, 1) from a 32-bit seed (the published Mulberry32 mixing function). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A number in [from, to). */
export function between(random: Random, from: number, to: number): number {
  return from + (to - from) * random();
}

const fade = (t: number): number => t * t * (3 - 2 * t);

/** Smooth value noise with a lattice of `period` cells in each direction; about -1 to 1. `u`, `v` in lattice cells. */
export function latticeNoise(lattice: Float32Array, period: number, u: number, v: number): number {
  const column = Math.floor(u);
  const row = Math.floor(v);
  const fu = fade(u - column);
  const fv = fade(v - row);
  const at = (c: number, r: number): number =>
    lattice[(((r % period) + period) % period) * period + (((c % period) + period) % period)] ?? 0;
  const top = at(column, row) * (1 - fu) + at(column + 1, row) * fu;
  const bottom = at(column, row + 1) * (1 - fu) + at(column + 1, row + 1) * fu;
  return top * (1 - fv) + bottom * fv;
}

/** A lattice for {@link latticeNoise}. */
export function noiseLattice(random: Random, period: number): Float32Array {
  return Float32Array.from({ length: period * period }, () => random() * 2 - 1);
}
