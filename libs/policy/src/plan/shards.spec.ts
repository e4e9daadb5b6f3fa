import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverageFault, planAnalysis, planShards } from './shards.js';

const plan = fc.record({
  frames: fc.integer({ min: 1, max: 20_000 }),
  shardFrames: fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: undefined }),
  leastShards: fc.integer({ min: 1, max: 500 }),
  laneFps: fc.option(fc.double({ min: 0.1, max: 500, noNaN: true }), { nil: null }),
});

describe('planShards', () => {
  it('covers every frame exactly once, in order, with sizes that differ by at most one', () => {
    fc.assert(
      fc.property(plan, (request) => {
        const shards = planShards(request);
        expect(coverageFault(shards, request.frames)).toBeNull();
        const sizes = shards.map((shard) => shard.endFrame - shard.startFrame);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('keeps to the asked shard size and the least number of shards', () => {
    fc.assert(
      fc.property(plan, (request) => {
        const shards = planShards(request);
        expect(shards.length).toBeGreaterThanOrEqual(Math.min(request.frames, request.leastShards));
        if (request.shardFrames === undefined) return;
        for (const shard of shards) expect(shard.endFrame - shard.startFrame).toBeLessThanOrEqual(request.shardFrames);
      }),
    );
  });

  it('covers every frame exactly once for any number of lanes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 0, max: 64 }),
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0.1, max: 60, noNaN: true }),
        (frames, lanes, leastShards, laneFps) => {
          const shards = planShards({ frames, leastShards, laneFps, lanes });
          expect(coverageFault(shards, frames)).toBeNull();
          expect(shards.length).toBeGreaterThanOrEqual(Math.min(frames, leastShards));
        },
      ),
    );
  });

  it('cuts the tail of a long shot finer, so that lanes that end apart end only a little apart', () => {
    const request = { frames: 4800, leastShards: 1, laneFps: 12 };
    const sizes = (lanes: number) =>
      planShards({ ...request, lanes }).map(({ startFrame, endFrame }) => endFrame - startFrame);
    expect(new Set(sizes(1))).toEqual(new Set([240]));
    const cut = sizes(4);
    expect(cut.slice(0, 10).every((size) => size === 240)).toBe(true);
    expect(cut.at(-1)).toBeLessThan(240 / 2);
    expect(Math.min(...cut)).toBeGreaterThanOrEqual(60);
    // Lanes of unlike speed: how long the last of them works when the others have nothing left.
    expect(idleTail(cut, [1, 0.7, 1.3, 0.9])).toBeLessThan(0.6 * idleTail(sizes(1), [1, 0.7, 1.3, 0.9]));
  });

  it('refuses a plate without frames', () => {
    expect(() => planShards({ frames: 0, leastShards: 1, laneFps: null })).toThrow(RangeError);
  });
});

describe('coverageFault', () => {
  it.each([
    [
      'a hole',
      [
        [0, 4],
        [5, 10],
      ],
      4,
    ],
    [
      'an overlap',
      [
        [0, 6],
        [5, 10],
      ],
      6,
    ],
    ['a missing end', [[0, 6]], 6],
    ['a missing start', [[1, 10]], 0],
    [
      'out of order',
      [
        [5, 10],
        [0, 5],
      ],
      0,
    ],
    [
      'complete',
      [
        [0, 5],
        [5, 10],
      ],
      null,
    ],
  ])('%s', (_, pairs, fault) => {
    const ranges = pairs.map(([startFrame = 0, endFrame = 0]) => ({ startFrame, endFrame }));
    expect(coverageFault(ranges, 10)).toBe(fault);
  });
});

/** Lanes take the next shard when they are done; the frames' time between the first lane and the last to end. */
function idleTail(sizes: readonly number[], speeds: readonly number[]): number {
  const endsAt = speeds.map(() => 0);
  for (const size of sizes) {
    const next = endsAt.indexOf(Math.min(...endsAt));
    endsAt[next] = endsAt[next]! + size / speeds[next]!;
  }
  return Math.max(...endsAt) - Math.min(...endsAt);
}

describe('planAnalysis', () => {
  const sizesOf = (frames: number, lanes: number) =>
    planAnalysis(frames, lanes).map(({ startFrame, endFrame }) => endFrame - startFrame);

  it('covers every frame exactly once, in ranges of at most 96 frames', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 0, max: 1000 }), (frames, lanes) => {
        expect(coverageFault(planAnalysis(frames, lanes), frames)).toBeNull();
        expect(Math.max(...sizesOf(frames, lanes))).toBeLessThanOrEqual(96);
      }),
    );
  });

  it('gives every lane the same number of ranges', () => {
    expect(sizesOf(240, 1)).toEqual([80, 80, 80]);
    expect(sizesOf(240, 2)).toEqual([60, 60, 60, 60]);
    expect(sizesOf(1000, 4)).toHaveLength(12);
  });

  it('cuts no finer for lanes that a short clip has no work for', () => {
    expect(sizesOf(240, 500)).toEqual([80, 80, 80]);
    expect(sizesOf(1, 8)).toEqual([1]);
  });
});
