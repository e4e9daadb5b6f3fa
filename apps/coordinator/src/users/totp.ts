import { createHmac, timingSafeEqual } from 'node:crypto';

/** What every authenticator app understands: HMAC-SHA-1, six digits, steps of 30 seconds. */
export const STEP_SECONDS = 30;
export const SECRET_BYTES = 20;
const DIGITS = 6;
/** Steps to either side that count too: clocks differ, and typing takes a while. RFC 6238, 5.2. */
const DRIFT_STEPS = 1;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Steps since 1970. */
export function stepAt(now: Date): number {
  return Math.floor(now.getTime() / 1000 / STEP_SECONDS);
}

/** The code of one step: RFC 4226's HOTP with the step as its counter, which is RFC 6238's TOTP. */
export function codeOf(secret: Uint8Array, step: number, digits = DIGITS): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = mac[mac.length - 1]! & 15;
  const number = mac.readUInt32BE(offset) & 0x7f_ff_ff_ff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/**
 * The step whose code this is, near enough to now; null for none. Every candidate is compared, in constant time.
 *
 * A step counts once: the caller takes only one that is greater than the last it took.
 */
export function stepOfCode(secret: Uint8Array, code: string, now: Date): number | null {
  const given = Buffer.from(code.replaceAll(/\s/g, ''));
  if (given.length !== DIGITS) return null;
  const present = stepAt(now);
  let found: number | null = null;
  for (let step = present - DRIFT_STEPS; step <= present + DRIFT_STEPS; step += 1) {
    if (timingSafeEqual(given, Buffer.from(codeOf(secret, step)))) found = step;
  }
  return found;
}

/** RFC 4648, without padding, as authenticators take secrets. */
export function base32(bytes: Uint8Array): string {
  let [text, bits, held] = ['', 0, 0];
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}

/** What an authenticator reads from a picture code or a link. */
export function otpauthUri(secret: Uint8Array, account: string): string {
  const query = new URLSearchParams({ secret: base32(secret), issuer: 'Understudy' });
  return `otpauth://totp/${encodeURIComponent(`Understudy:${account}`)}?${query}`;
}
