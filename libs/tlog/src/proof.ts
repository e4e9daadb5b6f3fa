import { nodeHash } from './merkle.js';

/** Hash of a complete subtree: the `index`-th one of 2^level leaves. */
export type SubtreeReader = (level: number, index: number) => Promise<Uint8Array>;

/** The largest power of two below `size`: where RFC 6962 splits a tree. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** Root over the leaves `[start, end)`, of which `start` is a multiple of the power of two that holds them. */
async function rootOf(start: number, end: number, subtree: SubtreeReader): Promise<Uint8Array> {
  const size = end - start;
  const level = Math.log2(size);
  if (Number.isInteger(level)) return await subtree(level, start / size);
  const middle = start + splitOf(size);
  return nodeHash(await rootOf(start, middle, subtree), await rootOf(middle, end, subtree));
}

/** Root of the tree's first `size` leaves; `size` at least 1. */
export function rootAt(size: number, subtree: SubtreeReader): Promise<Uint8Array> {
  if (!Number.isInteger(size) || size < 1) throw new RangeError('the root of an empty tree needs no leaves');
  return rootOf(0, size, subtree);
}

/**
 * PATH(m, D[n]) of RFC 6962, section 2.1.1: what is needed beside a leaf to compute the root.
 *
 * @throws RangeError for a leaf that the tree does not have
 */
export async function inclusionProof(index: number, size: number, subtree: SubtreeReader): Promise<Uint8Array[]> {
  if (!Number.isInteger(index) || index < 0 || index >= size) throw new RangeError('the tree has no such leaf');
  const path: Uint8Array[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      path.push(await rootOf(middle, end, subtree));
      end = middle;
    } else {
      path.push(await rootOf(start, middle, subtree));
      start = middle;
    }
  }
  return path.reverse();
}

/**
 * PROOF(m, D[n]) of RFC 6962, section 2.1.2: that the tree of `size` leaves begins with the tree of `earlier` leaves.
 *
 * @throws RangeError unless 0 < earlier <= size
 */
export async function consistencyProof(earlier: number, size: number, subtree: SubtreeReader): Promise<Uint8Array[]> {
  if (!Number.isInteger(earlier) || earlier < 1 || earlier > size)
    throw new RangeError('no tree of that size came before');
  const proof: Uint8Array[] = [];
  let [start, end] = [0, size];
  // While the earlier tree is a whole subtree at the left edge, its root is known to whoever asks.
  let known = true;
  while (earlier !== end) {
    const middle = start + splitOf(end - start);
    if (earlier <= middle) {
      proof.push(await rootOf(middle, end, subtree));
      end = middle;
    } else {
      proof.push(await rootOf(start, middle, subtree));
      start = middle;
      known = false;
    }
  }
  if (!known) proof.push(await rootOf(start, end, subtree));
  return proof.reverse();
}

const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.from(one).equals(other);
const half = (value: number): number => Math.floor(value / 2);

/** RFC 9162, section 2.1.3.2. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isInteger(index) || index < 0 || index >= size) return false;
  let [at, last, hash] = [index, size - 1, leaf];
  for (const part of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(part, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      hash = nodeHash(hash, part);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equal(hash, root);
}

export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/** RFC 9162, section 2.1.4.2. Every tree begins with the empty one, whose proof is empty. */
export function verifyConsistency(earlier: TreeHead, later: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (earlier.size > later.size || earlier.size < 0) return false;
  if (earlier.size === later.size) return proof.length === 0 && equal(earlier.root, later.root);
  if (earlier.size === 0) return proof.length === 0;
  const path = Number.isInteger(Math.log2(earlier.size)) ? [earlier.root, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let [at, last] = [earlier.size - 1, later.size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let [before, after] = [first, first];
  for (const part of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = nodeHash(part, before);
      after = nodeHash(part, after);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      after = nodeHash(after, part);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equal(before, earlier.root) && equal(after, later.root);
}
