/** A 32-bit seed of a text (FNV-1a): the same on every lane. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A number from -1 to 1 for each cell of a plane, without order but always the same (the finalizer of MurmurHash3). */
export function cellNoise(seed: number, column: number, row: number): number {
  let hash = seed ^ Math.imul(column, 0x9e3779b1) ^ Math.imul(row, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x7fffffff - 1;
}

/** Smooth between the cells: value noise, -1 to 1. */
export function softNoise(seed: number, x: number, y: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const [s, t] = [fade(x - column), fade(y - row)];
  const at = (dx: number, dy: number): number => cellNoise(seed, column + dx, row + dy);
  const top = at(0, 0) * (1 - s) + at(1, 0) * s;
  const bottom = at(0, 1) * (1 - s) + at(1, 1) * s;
  return top * (1 - t) + bottom * t;
}

const fade = (t: number): number => t * t * (3 - 2 * t);
