import { beforeEach, describe, expect, it } from 'vitest';

import type { RenderLease } from '@understudy/contracts';
import type { Identity } from './identity.js';
import { KEPT_MS, KeptIdentities } from './kept-identities.js';

let nowMs = 0;
let reads: string[] = [];

async function read(images: readonly string[]): Promise<Identity> {
  reads.push(images.join('+'));
  return { images: [], portraits: [], embedding: Float32Array.of(reads.length) };
}

function cast(...members: string[][]): RenderLease['cast'] {
  return members.map((images, number) => ({
    cast: number,
    tracks: [number],
    identityImages: images.map((sha256) => ({ sha256, bytes: 1, mediaType: 'image/png', url: '' })),
  }));
}

beforeEach(() => {
  nowMs = 0;
  reads = [];
});

describe('identities that a lane keeps', () => {
  it('are read once for shot after shot, each member by its own images', async () => {
    const kept = new KeptIdentities(() => nowMs);
    const first = await kept.of(cast(['a', 'b'], ['c']), read);
    const second = await kept.of(cast(['c'], ['a', 'b'], ['a']), read);
    expect(reads).toEqual(['a+b', 'c', 'a']);
    expect(second.get(1)).toBe(first.get(0));
    expect(second.get(0)).toBe(first.get(1));
  });

  it('are gone when nobody worked on them for a minute', async () => {
    const kept = new KeptIdentities(() => nowMs);
    await kept.of(cast(['a']), read);
    nowMs = KEPT_MS - 1;
    await kept.of(cast(['a']), read);
    nowMs = 2 * KEPT_MS - 1;
    kept.forgetUnused();
    await kept.of(cast(['a']), read);
    expect(reads).toEqual(['a', 'a']);
  });

  it('are all gone once any may no longer be worked on', async () => {
    const kept = new KeptIdentities(() => nowMs);
    await kept.of(cast(['a'], ['b']), read);
    kept.forget();
    await kept.of(cast(['a'], ['b']), read);
    expect(reads).toEqual(['a', 'b', 'a', 'b']);
  });

  it('make room for others, the longest unused first', async () => {
    const kept = new KeptIdentities(() => nowMs);
    const eight = Array.from({ length: 8 }, (_, number) => [`image-${number}`]);
    await kept.of(cast(...eight), read);
    await kept.of(cast(['image-0'], ['new']), read);
    reads = [];
    await kept.of(cast(['image-0'], ['image-1']), read);
    expect(reads).toEqual(['image-1']);
  });
});
