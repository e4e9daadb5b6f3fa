import { array, assert, asyncProperty, integer, nat, record } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FrameRing, RingBroken, createRingMemory, slotsFor } from './ring.js';

const breath = (turns: number) =>
  Array.from({ length: turns }).reduce<Promise<void>>(
    (wait) => wait.then(() => new Promise((resolve) => setImmediate(resolve))),
    Promise.resolve(),
  );

const filled = (n: number): number[] => Array.from({ length: 8 }, () => n);

describe('frame ring', () => {
  it('hands every frame to one reader, once and unchanged, at any pace of all sides', async () => {
    const paces = array(nat(3), { minLength: 1, maxLength: 5 });
    const sizes = record({ slots: integer({ min: 1, max: 5 }), frames: nat(40), readers: integer({ min: 1, max: 3 }) });
    await assert(
      asyncProperty(sizes, paces, paces, async ({ slots, frames, readers }, writes, reads) => {
        const memory = createRingMemory(slots, 8);
        const writer = new FrameRing(memory);
        let ahead = 0;
        let furthest = 0;
        const write = async () => {
          for (let n = 0; n < frames; n++) {
            await breath(writes[n % writes.length]!);
            (await writer.reserve(n)).fill(n);
            writer.commit(n);
            furthest = Math.max(furthest, ++ahead);
          }
        };
        const seen: number[][] = Array.from({ length: readers }, () => []);
        const read = async (own: number[]) => {
          const reader = new FrameRing(memory);
          for (let position = reader.take(); position < frames; position = reader.take()) {
            const bytes = await reader.frame(position);
            await breath(reads[position % reads.length]!);
            expect([...bytes]).toEqual(filled(position));
            own.push(position);
            ahead -= 1;
            reader.release(position);
          }
        };
        await Promise.all([write(), ...seen.map(read)]);
        for (const own of seen) expect(own).toEqual(own.toSorted((a, b) => a - b));
        expect(seen.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: frames }, (_, n) => n));
        expect(furthest).toBeLessThanOrEqual(slots);
      }),
      { numRuns: 60 },
    );
  });

  it('is read in order whoever finished first', async () => {
    const memory = createRingMemory(2, 8);
    const [writer, reader] = [new FrameRing(memory), new FrameRing(memory)];
    (await writer.reserve(1)).fill(1);
    writer.commit(1);
    let first: Uint8Array | undefined;
    const waiting = reader.frame(0).then((bytes) => (first = bytes));
    await breath(20);
    expect(first).toBeUndefined();
    (await writer.reserve(0)).fill(0);
    writer.commit(0);
    await waiting;
    expect([...first!]).toEqual(filled(0));
    expect([...(await reader.frame(1))]).toEqual(filled(1));
  });

  it('holds a writer back until a slot is given back', async () => {
    const memory = createRingMemory(1, 4);
    const [writer, reader] = [new FrameRing(memory), new FrameRing(memory)];
    await writer.reserve(0);
    writer.commit(0);
    let free = false;
    const waiting = writer.reserve(1).then(() => (free = true));
    await breath(20);
    expect(free).toBe(false);
    await reader.frame(0);
    reader.release(0);
    await waiting;
    expect(free).toBe(true);
  });

  it('wakes all sides when it breaks, and stays broken', async () => {
    const memory = createRingMemory(1, 4);
    const [writer, reader] = [new FrameRing(memory), new FrameRing(memory)];
    const next = expect(reader.frame(0)).rejects.toThrow(RingBroken);
    writer.break();
    await next;
    await expect(writer.reserve(0)).rejects.toThrow(RingBroken);
    writer.commit(0);
    await expect(reader.frame(0)).rejects.toThrow(RingBroken);
  });

  it('gives 10-bit frames an even offset, and large frames fewer slots, but one for each side', () => {
    const memory = createRingMemory(3, 6);
    expect(memory.shared.byteLength % 2).toBe(0);
    expect(slotsFor(1_382_400, 1)).toBe(8);
    expect(slotsFor(50_000_000, 1)).toBe(2);
    expect(slotsFor(50_000_000, 4)).toBe(5);
    expect(slotsFor(1_000_000_000, 1)).toBe(2);
  });
});
