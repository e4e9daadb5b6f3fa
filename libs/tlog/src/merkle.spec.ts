import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { leafHash, MerkleAccumulator, merkleRoot } from './merkle.js';

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');

// The inputs and roots that Certificate Transparency's reference implementations test against.
const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  hex,
);
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** RFC 6962's recursive definition, written the slow way. */
function definition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return createHash('sha256').digest();
  if (leaves.length === 1) return leaves[0] ?? new Uint8Array();
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const node = createHash('sha256').update(Uint8Array.of(1));
  return node
    .update(definition(leaves.slice(0, split)))
    .update(definition(leaves.slice(split)))
    .digest();
}

describe('merkleRoot', () => {
  it('gives the published roots', () => {
    const roots = ROOTS.map((_, index) =>
      Buffer.from(merkleRoot(INPUTS.slice(0, index + 1).map(leafHash))).toString('hex'),
    );
    expect(roots).toEqual(ROOTS);
  });

  it('agrees with the definition for sizes 0 to 300', () => {
    const leaves = Array.from({ length: 300 }, (_, index) => leafHash(Buffer.from(`entry ${index}`)));
    for (let size = 0; size <= leaves.length; size += 1) {
      const part = leaves.slice(0, size);
      expect(Buffer.from(merkleRoot(part)).equals(definition(part)), `size ${size}`).toBe(true);
    }
  });
});

describe('MerkleAccumulator', () => {
  it('goes on from its frontier at every size to 300, and tells each complete subtree once', () => {
    const leaves = Array.from({ length: 300 }, (_, index) => leafHash(Buffer.from(`entry ${index}`)));
    const subtrees = new Map<string, string>();
    let log = new MerkleAccumulator();
    for (const [index, leaf] of leaves.entries()) {
      log = MerkleAccumulator.resume(log.size, log.frontier());
      log.append(leaf, (level, at, hash) => {
        expect(subtrees.has(`${level}/${at}`)).toBe(false);
        subtrees.set(`${level}/${at}`, Buffer.from(hash).toString('hex'));
      });
      expect(Buffer.from(log.root()).equals(definition(leaves.slice(0, index + 1))), `size ${index + 1}`).toBe(true);
    }
    for (let level = 0; 2 ** level <= 300; level += 1) {
      for (let at = 0; (at + 1) * 2 ** level <= 300; at += 1) {
        const expected = definition(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level));
        expect(subtrees.get(`${level}/${at}`)).toBe(Buffer.from(expected).toString('hex'));
      }
    }
    expect(subtrees.size).toBe([...Array(9).keys()].reduce((sum, level) => sum + Math.floor(300 / 2 ** level), 0));
  });

  it('refuses a frontier of another size', () => {
    expect(() => MerkleAccumulator.resume(3, new Uint8Array(32))).toThrow(RangeError);
  });
});
