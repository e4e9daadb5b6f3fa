import { array, assert, asyncProperty, integer, nat } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FrameRing, RingBroken, createRingMemory, slotsFor } from './ring.js';

const breath = (turns: number) =>
  Array.from({ length: turns }).reduce<Promise<void>>(
    (wait) => wait.then(() => new Promise((resolve) => setImmediate(resolve))),
    Promise.resolve(),
  );

describe('frame ring', () => {
  it('hands every frame over once, in order and unchanged, at any pace of both sides', async () => {
    const paces = array(nat(3), { minLength: 1, maxLength: 5 });
    await assert(
      asyncProperty(integer({ min: 1, max: 5 }), nat(40), paces, paces, async (slots, frames, writes, reads) => {
        const memory = createRingMemory(slots, 8);
        const writer = new FrameRing(memory);
        const reader = new FrameRing(memory);
        let ahead = 0;
        let furthest = 0;
        const write = async () => {
          for (let n = 0; n < frames; n++) {
            await breath(writes[n % writes.length]!);
            (await writer.reserve()).fill(n);
            writer.commit(100 + n);
            furthest = Math.max(furthest, ++ahead);
          }
          writer.end();
        };
        const seen: number[] = [];
        const read = async () => {
          for (let slot = await reader.next(); slot !== null; slot = await reader.next()) {
            await breath(reads[seen.length % reads.length]!);
            expect([...slot.bytes]).toEqual(Array.from({ length: 8 }, () => seen.length));
            seen.push(slot.frameNumber);
            ahead -= 1;
            reader.release();
          }
        };
        await Promise.all([write(), read()]);
        expect(seen).toEqual(Array.from({ length: frames }, (_, n) => 100 + n));
        expect(furthest).toBeLessThanOrEqual(slots);
      }),
      { numRuns: 60 },
    );
  });

  it('holds a writer back until a slot is given back', async () => {
    const memory = createRingMemory(1, 4);
    const [writer, reader] = [new FrameRing(memory), new FrameRing(memory)];
    await writer.reserve();
    writer.commit(0);
    let free = false;
    const waiting = writer.reserve().then(() => (free = true));
    await breath(20);
    expect(free).toBe(false);
    await reader.next();
    reader.release();
    await waiting;
    expect(free).toBe(true);
  });

  it('wakes both sides when it breaks', async () => {
    const memory = createRingMemory(1, 4);
    const [writer, reader] = [new FrameRing(memory), new FrameRing(memory)];
    const next = expect(reader.next()).rejects.toThrow(RingBroken);
    writer.break();
    await next;
    await expect(writer.reserve()).rejects.toThrow(RingBroken);
  });

  it('stays broken when its writer ends it', async () => {
    const ring = new FrameRing(createRingMemory(2, 4));
    ring.break();
    ring.end();
    await expect(ring.next()).rejects.toThrow(RingBroken);
  });

  it('gives 10-bit frames an even offset, and large frames fewer slots', () => {
    const memory = createRingMemory(3, 6);
    expect(memory.shared.byteLength % 2).toBe(0);
    expect(slotsFor(1_382_400)).toBe(8);
    expect(slotsFor(50_000_000)).toBe(2);
    expect(slotsFor(1_000_000_000)).toBe(2);
  });
});
