import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  consistencyProof,
  cosignedAt,
  leafHash,
  merkleRoot,
  parseCheckpoints,
  parseVerifierKey,
  signCheckpoint,
  verifierKeyOf,
} from '@understudy/tlog';
import { COSIGNED, REFUSED, Witness, type WitnessedLog } from './witness.js';

const AT = new Date('2026-05-01T12:00:00Z');
const origin = 'farm.example/audit';
const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');

/** A farm's side: its leaves may be changed between two looks, and signed all the same. */
class Farm implements WitnessedLog {
  leaves: string[] = [];
  key: KeyObject = generateKeyPairSync('ed25519').privateKey;

  get #hashes(): Uint8Array[] {
    return this.leaves.map((text) => leafHash(Buffer.from(text)));
  }

  checkpoint() {
    const [size, root] = [this.leaves.length, merkleRoot(this.#hashes)];
    const note = signCheckpoint({ origin, size, root }, this.key);
    const verifierKey = verifierKeyOf(origin, this.key);
    return Promise.resolve({ size, rootHash: hex(root), at: AT.toISOString(), note, verifierKey });
  }

  async consistency(from: number) {
    const hashes = this.#hashes;
    const subtree = (level: number, index: number) =>
      Promise.resolve(merkleRoot(hashes.slice(index * 2 ** level, (index + 1) * 2 ** level)));
    const proof = await consistencyProof(from, this.leaves.length, subtree);
    return { from, proof: proof.map(hex), checkpoint: await this.checkpoint() };
  }
}

const entries = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => `entry ${from + n}`);

let folder: string;
let farm: Farm;
const { privateKey: key } = generateKeyPairSync('ed25519');
const witness = (logKey?: string) => new Witness(farm, { folder, name: 'witness.example/1', key, logKey }, () => AT);
const kept = async () => parseCheckpoints(await readFile(join(folder, COSIGNED), 'utf8'));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'witness-'));
  farm = new Farm();
  farm.leaves = entries(0, 5);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a witness', () => {
  it('cosigns a log as it grows, each size once, and remembers over restarts', async () => {
    expect(await witness().look()).toEqual({ size: 5, isNew: true });
    expect(await witness().look()).toEqual({ size: 5, isNew: false });
    farm.leaves.push(...entries(5, 12));
    expect(await witness().look()).toEqual({ size: 12, isNew: true });
    const own = parseVerifierKey(witness().verifierKey);
    expect((await kept()).map((one) => [one.size, cosignedAt(one, own)])).toEqual([
      [5, AT],
      [12, AT],
    ]);
  });

  it.each<[string, (farm: Farm) => unknown]>([
    ['cut short', (one) => one.leaves.splice(3)],
    ['forked at the same size', (one) => (one.leaves[4] = 'another')],
    ['rewritten and grown since', (one) => (one.leaves = ['another', ...entries(1, 9)])],
    ['with an entry slipped in', (one) => one.leaves.splice(2, 0, 'another')],
  ])('cosigns no log that was %s, and keeps what the farm signed', async (_, tamper) => {
    await witness().look();
    tamper(farm);
    await expect(witness().look()).rejects.toMatchObject({ code: 'AUDIT_LOG_BROKEN' });
    expect((await kept()).map(({ size }) => size)).toEqual([5]);
    const [proof] = parseCheckpoints(await readFile(join(folder, REFUSED), 'utf8'));
    expect(proof?.size).toBe(farm.leaves.length);
    farm.leaves = entries(0, 20);
    expect(await witness().look()).toEqual({ size: 20, isNew: true });
  });

  it('knows the log by the key that it saw first, or was told', async () => {
    const first = verifierKeyOf(origin, farm.key);
    await witness().look();
    farm.key = generateKeyPairSync('ed25519').privateKey;
    await expect(witness().look()).rejects.toMatchObject({ code: 'AUDIT_LOG_BROKEN' });
    await rm(folder, { recursive: true });
    await expect(witness(first).look()).rejects.toMatchObject({ code: 'AUDIT_LOG_BROKEN' });
  });
});
