import { describe, expect, it } from 'vitest';
import { etaSeconds } from './eta.js';

const half = { framesAccepted: 100, acceptedSeconds: 50, framesLeft: 100, running: 2, shards: 4 };

describe('how long a stage still takes', () => {
  it('follows from what its own frames took and the lanes that it has', () => {
    expect(etaSeconds(half)).toBe(25);
    expect(etaSeconds({ ...half, running: 4 })).toBe(12.5);
    expect(etaSeconds({ ...half, running: 9, shards: 1 })).toBe(50);
    expect(etaSeconds({ ...half, framesLeft: 0 })).toBe(0);
  });

  it('is not guessed before anything is finished, nor while nobody works on it', () => {
    expect(etaSeconds({ ...half, framesAccepted: 0, acceptedSeconds: 0 })).toBeNull();
    expect(etaSeconds({ ...half, running: 0 })).toBeNull();
  });
});
