import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseCheckpoint, parseCheckpoints, signCheckpoint } from './checkpoint.js';
import { cosign, cosignedAt } from './cosignature.js';
import { COSIGNER, isSignedBy, parseVerifierKey, verifierKeyOf } from './note.js';
import { NOTHING_OUTSIDE, witnessed } from './outside.js';

const { privateKey: logKey } = generateKeyPairSync('ed25519');
const { privateKey } = generateKeyPairSync('ed25519');
const name = 'witness.example/1';
const origin = 'farm.example/audit';
const at = new Date('2026-05-01T12:00:00.700Z');
const note = signCheckpoint({ origin, size: 42, root: Buffer.alloc(32, 7) }, logKey);
const cosigned = cosign(note, parseCheckpoint(note).text, name, privateKey, at);
const key = parseVerifierKey(verifierKeyOf(name, privateKey, COSIGNER));

describe('a cosignature', () => {
  it('is one line more, and leaves the log’s own signature', () => {
    expect(cosigned.startsWith(note)).toBe(true);
    expect(cosigned.slice(note.length)).toMatch(/^\u2014 witness\.example\/1 [A-Za-z0-9+/]+=*\n$/);
    const read = parseCheckpoint(cosigned);
    expect(isSignedBy(read, parseVerifierKey(verifierKeyOf(origin, logKey)))).toBe(true);
    expect(cosignedAt(read, key)).toEqual(new Date('2026-05-01T12:00:00Z'));
  });

  it('is over the words of cosignature/v1: the header, the time, the checkpoint', () => {
    const [, own] = parseCheckpoint(cosigned).signatures;
    const bytes = Buffer.from(own?.signature ?? []);
    expect(bytes).toHaveLength(72);
    const message = `cosignature/v1\ntime 1777636800\n${origin}\n42\n${Buffer.alloc(32, 7).toString('base64')}\n`;
    expect(bytes.readBigUInt64BE()).toBe(1_777_636_800n);
    expect(verify(null, Buffer.from(message), createPublicKey(privateKey), bytes.subarray(8))).toBe(true);
  });

  it('counts for no other time, size, name, key or type of key', () => {
    const read = parseCheckpoint(cosigned);
    const [first, own] = read.signatures;
    if (first === undefined || own === undefined) throw new Error('there are two');
    const later = Buffer.from(own.signature);
    later.writeUInt8(later.readUInt8(7) ^ 1, 7);
    expect(cosignedAt({ ...read, signatures: [first, { ...own, signature: later }] }, key)).toBeNull();
    expect(cosignedAt({ ...read, text: read.text.replace('\n42\n', '\n43\n') }, key)).toBeNull();
    const others = [
      verifierKeyOf('witness.example/2', privateKey, COSIGNER),
      verifierKeyOf(name, logKey, COSIGNER),
      verifierKeyOf(name, privateKey),
    ];
    for (const other of others) expect(cosignedAt(read, parseVerifierKey(other)), other).toBeNull();
    expect(isSignedBy(read, key)).toBe(false);
  });
});

describe('what counts where a witness is demanded', () => {
  const checkpoints = parseCheckpoints(`${note}${cosigned}`);
  it('is what bears its cosignature', () => {
    expect(witnessed({ ...NOTHING_OUTSIDE, checkpoints }, [key]).checkpoints).toEqual([checkpoints[1]]);
  });
  it('is never nothing', () => {
    const plain = { ...NOTHING_OUTSIDE, checkpoints: checkpoints.slice(0, 1) };
    expect(() => witnessed(plain, [key])).toThrow(/witness\.example\/1/);
  });
});
