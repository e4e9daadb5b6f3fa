import { isIPv6 } from 'node:net';

/** So long until an address that has used up its tries has them all again. */
const REFILL_MS = 600_000;
/** Addresses that are remembered; beyond it the one that was not seen for longest is forgotten. */
const MOST_ADDRESSES = 10_000;

interface Bucket {
  readonly tries: number;
  readonly atMs: number;
}

/**
 * Failed tries to sign in, by address: a bucket of tries that fills up again with time. It slows down whoever tries one
 * password on many accounts, which no account's own lock sees. Each replica counts its own, in bounded memory.
 */
export class SignInLimit {
  readonly #buckets = new Map<string, Bucket>();

  constructor(private readonly mostTries: number) {}

  /** Takes a try, before anything is looked at, so that many at once are not more than many in a row. @returns false for none left */
  take(address: string, nowMs: number): boolean {
    const key = keyOf(address);
    const left = this.#left(key, nowMs);
    if (left < 1) return false;
    this.#keep(key, left - 1, nowMs);
    return true;
  }

  /** What was taken was none of a guesser's. */
  giveBack(address: string, nowMs: number): void {
    const key = keyOf(address);
    this.#keep(key, Math.min(this.mostTries, this.#left(key, nowMs) + 1), nowMs);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #left(key: string, nowMs: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return this.mostTries;
    const refilled = (Math.max(0, nowMs - bucket.atMs) / REFILL_MS) * this.mostTries;
    return Math.min(this.mostTries, bucket.tries + refilled);
  }

  /** A Map keeps the order in which keys came: the first was not seen for longest. */
  #keep(key: string, tries: number, atMs: number): void {
    this.#buckets.delete(key);
    if (tries >= this.mostTries) return;
    this.#buckets.set(key, { tries, atMs });
    if (this.#buckets.size <= MOST_ADDRESSES) return;
    for (const [oldest] of this.#buckets) {
      this.#buckets.delete(oldest);
      break;
    }
  }
}

/** One household has a whole /64 of IPv6; an IPv4 address may come in IPv6's clothes. */
function keyOf(address: string): string {
  const plain = address.replace(/^::ffff:/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.split('::');
  const [front, back] = [head, tail].map((part) => (part === '' ? [] : part.split(':')));
  const groups = plain.includes('::')
    ? [...front!, ...Array.from({ length: 8 - front!.length - back!.length }, () => '0'), ...back!]
    : front!;
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
