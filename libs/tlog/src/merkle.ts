import { createHash, hash } from 'node:crypto';

/**
 * Merkle tree hashing of RFC 6962, section 2.1, over SHA-256: a leaf is H(0x00 || data), a node H(0x01 || left || right),
 * the empty tree H(). The prefixes keep a leaf from passing as a node.
 */
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Leaf hash of an entry; 32 bytes. */
export function leafHash(entry: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([LEAF, entry]), 'buffer');
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

/** Told of each complete subtree when its last leaf comes: 2^level leaves, the `index`-th of its level. */
export type SubtreeSink = (level: number, index: number, hash: Uint8Array) => void;

/**
 * Root of a tree that grows leaf by leaf, in memory of the logarithm of its size: one subtree root for each set bit of
 * the size, largest first.
 */
export class MerkleAccumulator {
  private readonly peaks: Uint8Array[] = [];
  private count = 0;

  /**
   * Goes on where another one stopped.
   *
   * @param frontier what its `frontier()` gave: 32 bytes for each set bit of `size`
   * @throws RangeError when the two do not belong together
   */
  static resume(size: number, frontier: Uint8Array): MerkleAccumulator {
    const bits = [...size.toString(2)].filter((bit) => bit === '1').length;
    if (frontier.length !== bits * 32) throw new RangeError('this frontier is not one of a tree of this size');
    const accumulator = new MerkleAccumulator();
    accumulator.count = size;
    for (let at = 0; at < frontier.length; at += 32) accumulator.peaks.push(frontier.slice(at, at + 32));
    return accumulator;
  }

  get size(): number {
    return this.count;
  }

  append(leaf: Uint8Array, onSubtree?: SubtreeSink): void {
    let root = leaf;
    let level = 0;
    onSubtree?.(0, this.count, leaf);
    for (let bits = this.count; bits % 2 === 1; bits = Math.floor(bits / 2)) {
      const left = this.peaks.pop();
      if (left === undefined) throw new Error('an accumulator lost a peak');
      root = nodeHash(left, root);
      level += 1;
      onSubtree?.(level, Math.floor(this.count / 2 ** level), root);
    }
    this.peaks.push(root);
    this.count += 1;
  }

  /** Everything that is needed to go on: the peaks, largest first, 32 bytes each. */
  frontier(): Uint8Array {
    return Buffer.concat(this.peaks);
  }

  root(): Uint8Array {
    const last = this.peaks.at(-1);
    if (last === undefined) return createHash('sha256').digest();
    return this.peaks.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
  }
}

/** Root over leaf hashes in order. */
export function merkleRoot(leaves: Iterable<Uint8Array>): Uint8Array {
  const accumulator = new MerkleAccumulator();
  for (const leaf of leaves) accumulator.append(leaf);
  return accumulator.root();
}
