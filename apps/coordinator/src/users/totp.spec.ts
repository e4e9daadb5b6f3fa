import { describe, expect, it } from 'vitest';
import { base32, codeOf, otpauthUri, stepAt, stepOfCode } from './totp.js';

const secret = Buffer.from('12345678901234567890');
const at = (seconds: number) => new Date(seconds * 1000);

describe('codes', () => {
  // RFC 6238, appendix B, the column of SHA-1.
  it.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])("are RFC 6238's at %i s", (seconds, code) => {
    expect(codeOf(secret, stepAt(at(seconds)), 8)).toBe(code);
  });

  // RFC 4226, appendix D.
  it("are RFC 4226's", () => {
    const codes = Array.from({ length: 10 }, (_, counter) => codeOf(secret, counter));
    expect(codes).toEqual('755224 287082 359152 969429 338314 254676 287922 162583 399871 520489'.split(' '));
  });

  it('are taken one step early or late, and no further', () => {
    const now = at(1_234_567_890);
    const step = stepAt(now);
    const taken = [-2, -1, 0, 1, 2].map((by) => stepOfCode(secret, codeOf(secret, step + by), now));
    expect(taken).toEqual([null, step - 1, step, step + 1, null]);
    expect(stepOfCode(secret, `${codeOf(secret, step).slice(0, 3)} ${codeOf(secret, step).slice(3)}`, now)).toBe(step);
  });

  it.each(['', '12345', '1234567', 'abcdef', '１２３４５６'])('are not %j', (code) => {
    expect(stepOfCode(secret, code, at(1_234_567_890))).toBeNull();
  });
});

// RFC 4648, section 10, without its padding.
it.each([
  ['', ''],
  ['f', 'MY'],
  ['fo', 'MZXQ'],
  ['foo', 'MZXW6'],
  ['foob', 'MZXW6YQ'],
  ['fooba', 'MZXW6YTB'],
  ['foobar', 'MZXW6YTBOI'],
])('base32 of %j', (text, encoded) => {
  expect(base32(Buffer.from(text))).toBe(encoded);
});

it('says to an authenticator whose secret it is', () => {
  expect(otpauthUri(secret, 'ada@example.org')).toBe(
    'otpauth://totp/Understudy%3Aada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Understudy',
  );
});
