import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseCheckpoint, parseCheckpoints, signCheckpoint } from './checkpoint.js';
import { isSignedBy, parseVerifierKey, verifierKeyOf } from './note.js';

const { privateKey } = generateKeyPairSync('ed25519');
const { privateKey: anotherKey } = generateKeyPairSync('ed25519');
const root = Buffer.alloc(32, 7);
const origin = 'farm.example/audit';
const note = signCheckpoint({ origin, size: 42, root }, privateKey);
const key = parseVerifierKey(verifierKeyOf(origin, privateKey));

describe('a checkpoint', () => {
  it('is a note of three lines and a signature', () => {
    expect(note).toMatch(
      /^farm\.example\/audit\n42\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n\u2014 farm\.example\/audit [A-Za-z0-9+/]{90,}={0,2}\n$/,
    );
    const read = parseCheckpoint(note);
    expect(read).toMatchObject({ origin, size: 42 });
    expect(Buffer.from(read.root)).toEqual(root);
    expect(isSignedBy(read, key)).toBe(true);
  });

  it('is not another key\u2019s, nor another name\u2019s, nor of another size', () => {
    expect(isSignedBy(parseCheckpoint(note), parseVerifierKey(verifierKeyOf(origin, anotherKey)))).toBe(false);
    expect(isSignedBy(parseCheckpoint(note), parseVerifierKey(verifierKeyOf('else', privateKey)))).toBe(false);
    expect(isSignedBy(parseCheckpoint(note.replace('\n42\n', '\n43\n')), key)).toBe(false);
  });

  it('may carry lines beyond the third and signatures of others', () => {
    const witnessed = `${note}\u2014 witness.example ${Buffer.alloc(68, 1).toString('base64')}\n`;
    expect(isSignedBy(parseCheckpoint(witnessed), key)).toBe(true);
    expect(parseCheckpoints(witnessed + note)).toHaveLength(2);
  });

  it.each(['', 'a\n', 'a\n1\n\n', `${origin}\n042\n${root.toString('base64')}\n\n\u2014 a b\n`, note.slice(0, -1)])(
    'refuses %j',
    (text) => {
      expect(() => parseCheckpoint(text)).toThrow(SyntaxError);
    },
  );
});

it('checks with the example of the signed-note specification', () => {
  // The verifier key and note that the format's specification prints.
  const example = parseVerifierKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
  expect(example.name).toBe('PeterNeumann');
});

it.each(['', 'name+00000000', 'a+00000000+AQ==', 'PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'])(
  'refuses the verifier key %j',
  (text) => {
    expect(() => parseVerifierKey(text)).toThrow(SyntaxError);
  },
);
