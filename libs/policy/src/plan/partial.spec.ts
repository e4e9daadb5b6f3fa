import { describe, expect, it } from 'vitest';
import { partialPlan } from './partial.js';
import { coverageFault } from './shards.js';

const shards = [0, 10, 20, 30].map((startFrame) => ({ startFrame, endFrame: startFrame + 10 }));
const starts = (some: readonly { startFrame: number }[]): number[] => some.map(({ startFrame }) => startFrame);

describe('partialPlan', () => {
  it.each([
    [12, 13, [10], [10, 20]],
    [10, 20, [10], [10, 20]],
    [9, 10, [0], [0, 10]],
    [9, 11, [0, 10], [0, 20]],
    [0, 40, [0, 10, 20, 30], [0, 40]],
    [39, 40, [30], [30, 40]],
  ])('renders for [%i, %i) the shards at %j', (startFrame, endFrame, rendered, [from, to]) => {
    const plan = partialPlan(shards, { startFrame, endFrame });
    expect(starts(plan.rendered)).toEqual(rendered);
    expect(plan.range).toEqual({ startFrame: from, endFrame: to });
    const all = [...plan.rendered, ...plan.reused].toSorted((one, other) => one.startFrame - other.startFrame);
    expect(coverageFault(all, 40)).toBeNull();
  });

  it('says so where there are no such frames', () => {
    expect(() => partialPlan(shards, { startFrame: 40, endFrame: 41 })).toThrow(RangeError);
  });
});
