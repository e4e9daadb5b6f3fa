import { createHash } from 'node:crypto';
import { base32 } from './totp.js';

const CODES = 10;
const CODE_BYTES = 10;

/** New codes of 80 bits each, as people write them down: `abcd-efgh-ijkl-mnop`. */
export function newRecoveryCodes(random: (bytes: number) => Uint8Array): string[] {
  return Array.from({ length: CODES }, () => {
    const text = base32(random(CODE_BYTES)).toLowerCase();
    return [0, 4, 8, 12].map((start) => text.slice(start, start + 4)).join('-');
  });
}

/** What is kept of one. It is as random as a key, so no salt and no slow hash. */
export function recoveryHash(code: string): string {
  return createHash('sha256').update(code.toLowerCase().replaceAll(/[\s-]/g, '')).digest('hex');
}
