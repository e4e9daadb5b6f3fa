import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { allocateFrame } from '@understudy/frame';
import { frameHash, frameSpec, readFrames } from '@understudy/media';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Clip, drawClip } from '../../test/clip.js';
import { type DecodeRange, LastDecoder, OpenDecoder } from './open-decoder.js';

const FRAMES = 30;
let folder: string;
let clip: Clip;
let hashes: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-decoder-'));
  clip = await drawClip(folder, FRAMES);
  hashes = [];
  for await (const { frame } of readFrames({ ...clip, startFrame: 0, endFrame: FRAMES }))
    hashes.push(frameHash(frame.bytes));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const range = (startFrame: number, endFrame: number): DecodeRange => ({ ...clip, startFrame, endFrame, threads: 1 });

async function decoded(decoder: OpenDecoder, wanted: DecodeRange): Promise<string[]> {
  const frame = allocateFrame(frameSpec(clip.plate));
  const found: string[] = [];
  await decoder.decode(
    wanted,
    async () => frame,
    (frameNumber) => {
      expect(frameNumber).toBe(wanted.startFrame + found.length);
      found.push(frameHash(frame.bytes));
    },
  );
  return found;
}

describe('a decoder that stays open', () => {
  it('gives the frames of the range that follows, and of one further on', async () => {
    const decoder = new OpenDecoder(range(4, 9));
    expect(await decoded(decoder, range(4, 9))).toEqual(hashes.slice(4, 9));
    expect(decoder.comesTo(range(9, 12))).toBe(true);
    expect(await decoded(decoder, range(9, 12))).toEqual(hashes.slice(9, 12));
    expect(await decoded(decoder, range(20, FRAMES))).toEqual(hashes.slice(20));
    expect(decoder.isAtEnd).toBe(true);
    await decoder.close();
  });

  it('does not come to what lies behind it, beyond the next key frame, or in another file', async () => {
    const decoder = new OpenDecoder(range(0, 10));
    await decoded(decoder, range(0, 10));
    expect(decoder.comesTo(range(9, 12))).toBe(false);
    const keyed = { ...clip.plate, keyFrames: [0, 12] };
    expect(decoder.comesTo({ ...range(12, 14), plate: keyed })).toBe(false);
    expect(decoder.comesTo({ ...range(10, 14), plate: keyed })).toBe(true);
    expect(decoder.comesTo({ ...range(10, 14), path: `${clip.path}.other` })).toBe(false);
    await decoder.close();
  });

  it('is taken by the range that follows alone', async () => {
    const last = new LastDecoder();
    const first = await last.take(range(0, 5));
    await decoded(first, range(0, 5));
    await last.keep(first);
    expect(await last.take(range(5, 8))).toBe(first);
    await last.keep(first);
    const other = await last.take(range(2, 8));
    expect(other).not.toBe(first);
    await expect(decoded(first, range(5, 8))).resolves.toEqual([]);
    expect(await decoded(other, range(2, 8))).toEqual(hashes.slice(2, 8));
    await other.close();
  });

  it('is closed when nothing follows within a moment', async () => {
    const last = new LastDecoder();
    const first = await last.take(range(0, 5));
    await decoded(first, range(0, 5));
    await last.keep(first);
    await new Promise((resolve) => setTimeout(resolve, 1300));
    const next = await last.take(range(5, 8));
    expect(next).not.toBe(first);
    await next.close();
  });
});
