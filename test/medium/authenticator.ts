import { codeOf, stepAt } from '../../apps/coordinator/src/users/totp.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The secret behind the letters that an authenticator is given. */
export function secretOf(base32: string): Buffer {
  const bits = [...base32].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** What an authenticator shows at that moment. */
export function codeAt(secret: string, at: Date): string {
  return codeOf(secretOf(secret), stepAt(at));
}
