import { describe, expect, it } from 'vitest';
import { BAD_HOST_TASKS, isBadHost, type LaneRecord } from './bad-hosts.js';

const bad: LaneRecord = { failedTasks: BAD_HOST_TASKS, failedShots: 2, othersSucceed: false, otherLanes: 1 };

describe('a bad host', () => {
  it.each<[string, Partial<LaneRecord>, boolean]>([
    ['failed several tasks of several shots', {}, true],
    ['failed several tasks of one shot that others render', { failedShots: 1, othersSucceed: true }, true],
    ['failed several tasks of one shot that nobody renders: the shot may be at fault', { failedShots: 1 }, false],
    ['failed less than several', { failedTasks: BAD_HOST_TASKS - 1 }, false],
    ['is the last of its kind', { otherLanes: 0 }, false],
  ])('%s', (_, change, verdict) => {
    expect(isBadHost({ ...bad, ...change })).toBe(verdict);
  });
});
