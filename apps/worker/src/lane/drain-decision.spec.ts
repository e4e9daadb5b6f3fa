import { describe, expect, it } from 'vitest';

import { finishOrRelease } from './drain-decision.js';

describe('finishOrRelease', () => {
  it.each([
    ['all frames done', { framesDone: 50, totalFrames: 50, elapsedMs: 9000 }, 'finish'],
    ['the rest fits the grace exactly', { framesDone: 50, totalFrames: 100, elapsedMs: 5000 }, 'finish'],
    ['the rest takes longer', { framesDone: 49, totalFrames: 100, elapsedMs: 5000 }, 'release'],
    ['nothing is done yet', { framesDone: 0, totalFrames: 100, elapsedMs: 10 }, 'release'],
    ['there are no frames to do', { framesDone: 0, totalFrames: 0, elapsedMs: 10 }, 'finish'],
  ])('%s', (_, progress, expected) => {
    expect(finishOrRelease(progress, 5000)).toBe(expected);
  });
});
