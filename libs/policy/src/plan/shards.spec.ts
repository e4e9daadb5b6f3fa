import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverageFault, planShards } from './shards.js';

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
