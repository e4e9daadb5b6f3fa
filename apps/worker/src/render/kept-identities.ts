import type { RenderLease } from '@understudy/contracts';

import type { Identities, Identity } from './identity.js';

/** Longer than the next shot of the same performer takes to come; a face that nobody works on is gone after it. */
export const KEPT_MS = 60_000;
/** Some tens of MiB each. */
const MOST_KEPT = 8;

interface Kept {
  readonly identity: Identity;
  usedAtMs: number;
}

/** The faces a lane has read last, by the content of their images: a performer is cast in one shot after another. */
export class KeptIdentities {
  readonly #kept = new Map<string, Kept>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** @param read the identity of these images, where it is not kept */
  async of(cast: RenderLease['cast'], read: (images: readonly string[]) => Promise<Identity>): Promise<Identities> {
    this.forgetUnused();
    const identities = new Map<number, Identity>();
    for (const { cast: number, identityImages } of cast) {
      const images = identityImages.map(({ sha256 }) => sha256);
      identities.set(number, await this.#one(images, read));
    }
    return identities;
  }

  /** Forgets whoever was not worked on for {@link KEPT_MS}. */
  forgetUnused(): void {
    const until = this.nowMs() - KEPT_MS;
    for (const [key, { usedAtMs }] of this.#kept) if (usedAtMs <= until) this.#kept.delete(key);
  }

  /** Forgets the faces of a shot that may no longer be worked on, and all others with them. */
  forget(): void {
    this.#kept.clear();
  }

  async #one(images: readonly string[], read: (images: readonly string[]) => Promise<Identity>): Promise<Identity> {
    const key = images.join(' ');
    const identity = this.#kept.get(key)?.identity ?? (await read(images));
    // Behind all others: the first is the one that was used longest ago.
    this.#kept.delete(key);
    this.#kept.set(key, { identity, usedAtMs: this.nowMs() });
    for (const oldest of this.#kept.keys()) if (this.#kept.size > MOST_KEPT) this.#kept.delete(oldest);
    return identity;
  }
}
