import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSignedWithEd25519 } from './ed25519.js';

const MESSAGE = Buffer.from('what is signed');
const ZERO = Buffer.alloc(32);
const IDENTITY = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]);
/** For a key that is the curve's neutral point it is one of any message: R is that point too, S is 0. */
const OF_ANYTHING = Buffer.concat([IDENTITY, ZERO]);

describe('a signature of Ed25519', () => {
  it('is one of this key, over this message', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    const signature = sign(null, MESSAGE, privateKey);
    expect(isSignedWithEd25519(raw, MESSAGE, signature)).toBe(true);
    expect(isSignedWithEd25519(raw, Buffer.from('else'), signature)).toBe(false);
    expect(isSignedWithEd25519(raw, MESSAGE, signature.subarray(1))).toBe(false);
    expect(isSignedWithEd25519(raw.subarray(1), MESSAGE, signature)).toBe(false);
    expect(isSignedWithEd25519(Buffer.alloc(32, 2), MESSAGE, signature)).toBe(false);
  });

  it('is none of a key for which anybody can make one', () => {
    const x = IDENTITY.toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    expect(verify(null, MESSAGE, key, OF_ANYTHING)).toBe(true);
    expect(isSignedWithEd25519(IDENTITY, MESSAGE, OF_ANYTHING)).toBe(false);
  });

  it.each([
    '0000000000000000000000000000000000000000000000000000000000000080',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ])('is none of %s, whatever the message', (hex) => {
    const messages = Array.from({ length: 64 }, (_, n) => Buffer.from(`message ${n}`));
    const key = Buffer.from(hex, 'hex');
    expect(messages.filter((message) => isSignedWithEd25519(key, message, OF_ANYTHING))).toEqual([]);
  });
});
