import { describe, expect, it } from 'vitest';
import { leafHash, merkleRoot, nodeHash } from './merkle.js';
import { consistencyProof, inclusionProof, rootAt, verifyConsistency, verifyInclusion } from './proof.js';

const MOST = 300;
const leaves = Array.from({ length: MOST }, (_, index) => leafHash(Buffer.from(`entry ${index}`)));
const roots = Array.from({ length: MOST + 1 }, (_, size) => merkleRoot(leaves.slice(0, size)));
const rootOf = (size: number): Uint8Array => roots[size] ?? new Uint8Array();

/** Every complete subtree, computed once. */
const levels: Uint8Array[][] = [leaves];
for (let level = levels[0] ?? []; level.length > 1; level = levels.at(-1) ?? []) {
  const next: Uint8Array[] = [];
  for (let at = 0; at + 1 < level.length; at += 2) next.push(nodeHash(level[at]!, level[at + 1]!));
  levels.push(next);
}
const subtree = async (level: number, index: number): Promise<Uint8Array> => {
  const hash = levels[level]?.[index];
  if (hash === undefined) throw new Error(`no complete subtree ${index} of level ${level}`);
  return await Promise.resolve(hash);
};
const flipped = (hash: Uint8Array): Uint8Array => Uint8Array.from(hash, (byte, at) => (at === 7 ? byte ^ 1 : byte));

/** PATH and SUBPROOF, written as RFC 6962 defines them. */
const split = (size: number): number => 2 ** (Math.ceil(Math.log2(size)) - 1);
function path(index: number, part: readonly Uint8Array[]): Uint8Array[] {
  if (part.length === 1) return [];
  const k = split(part.length);
  return index < k
    ? [...path(index, part.slice(0, k)), merkleRoot(part.slice(k))]
    : [...path(index - k, part.slice(k)), merkleRoot(part.slice(0, k))];
}
function subproof(m: number, part: readonly Uint8Array[], whole: boolean): Uint8Array[] {
  if (m === part.length) return whole ? [] : [merkleRoot(part)];
  const k = split(part.length);
  return m <= k
    ? [...subproof(m, part.slice(0, k), whole), merkleRoot(part.slice(k))]
    : [...subproof(m - k, part.slice(k), false), merkleRoot(part.slice(0, k))];
}
const hex = (hashes: readonly Uint8Array[]): string[] => hashes.map((hash) => Buffer.from(hash).toString('hex'));

describe('the published proofs of the reference tree', () => {
  const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const known = INPUTS.map((text) => leafHash(Buffer.from(text, 'hex')));
  const reader = async (level: number, index: number): Promise<Uint8Array> =>
    await Promise.resolve(merkleRoot(known.slice(index * 2 ** level, (index + 1) * 2 ** level)));

  it('inclusion of leaf 5 among 8, and 2 among 3', async () => {
    expect(hex(await inclusionProof(5, 8, reader))).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(hex(await inclusionProof(2, 3, reader))).toEqual([
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    ]);
  });

  it('consistency of 6 with 8, and 2 with 5', async () => {
    expect(hex(await consistencyProof(6, 8, reader))).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(hex(await consistencyProof(2, 5, reader))).toEqual([
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ]);
  });
});

describe('for every size to 300', () => {
  it('each leaf is proved as the RFC defines, and nothing else in its place', async () => {
    for (let size = 1; size <= MOST; size += 1) {
      // Every leaf of small trees; the edges and a spread of large ones.
      const indices = size <= 40 ? [...Array(size).keys()] : [0, 1, size >> 2, size >> 1, size - 2, size - 1];
      for (const index of indices) {
        const proof = await inclusionProof(index, size, subtree);
        expect(hex(proof)).toEqual(hex(path(index, leaves.slice(0, size))));
        const leaf = leaves[index]!;
        expect(verifyInclusion(leaf, index, size, proof, rootOf(size))).toBe(true);
        expect(verifyInclusion(flipped(leaf), index, size, proof, rootOf(size))).toBe(false);
        expect(verifyInclusion(leaf, index, size, [...proof, leaf], rootOf(size))).toBe(false);
        if (size > 1) expect(verifyInclusion(leaf, (index + 1) % size, size, proof, rootOf(size))).toBe(false);
        if (proof.length > 0) expect(verifyInclusion(leaf, index, size, proof.slice(1), rootOf(size))).toBe(false);
      }
    }
  });

  it('each earlier tree is proved as the RFC defines, and no other', async () => {
    for (let size = 1; size <= MOST; size += 1) {
      const step = size <= 40 ? 1 : 17;
      for (let earlier = 1; earlier <= size; earlier += step) {
        const proof = await consistencyProof(earlier, size, subtree);
        expect(hex(proof)).toEqual(hex(subproof(earlier, leaves.slice(0, size), true)));
        const [before, after] = [
          { size: earlier, root: rootOf(earlier) },
          { size, root: rootOf(size) },
        ];
        expect(verifyConsistency(before, after, proof)).toBe(true);
        expect(verifyConsistency({ ...before, root: flipped(before.root) }, after, proof)).toBe(false);
        expect(verifyConsistency(before, { ...after, root: flipped(after.root) }, proof)).toBe(false);
        expect(verifyConsistency(before, after, [...proof, before.root])).toBe(false);
        if (proof.length > 0) {
          expect(verifyConsistency(before, after, [flipped(proof[0]!), ...proof.slice(1)])).toBe(false);
        }
      }
    }
  });

  it('the root comes out of complete subtrees', async () => {
    for (let size = 1; size <= MOST; size += 1) expect(hex([await rootAt(size, subtree)])).toEqual(hex([rootOf(size)]));
  });

  it('the empty tree is before every other; a shorter tree is not after a longer', () => {
    expect(verifyConsistency({ size: 0, root: rootOf(0) }, { size: 9, root: rootOf(9) }, [])).toBe(true);
    expect(verifyConsistency({ size: 0, root: rootOf(0) }, { size: 0, root: rootOf(0) }, [])).toBe(true);
    expect(verifyConsistency({ size: 9, root: rootOf(9) }, { size: 8, root: rootOf(8) }, [])).toBe(false);
  });
});

it('refuses leaves and trees that are not there', async () => {
  await expect(inclusionProof(5, 5, subtree)).rejects.toThrow(RangeError);
  await expect(consistencyProof(0, 5, subtree)).rejects.toThrow(RangeError);
  await expect(consistencyProof(6, 5, subtree)).rejects.toThrow(RangeError);
  expect(() => rootAt(0, subtree)).toThrow(RangeError);
});
