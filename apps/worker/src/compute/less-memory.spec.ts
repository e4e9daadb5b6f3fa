import { UnderstudyError } from '@understudy/contracts';
import { describe, expect, it, vi } from 'vitest';

import { LaneControl, monotonicMs } from '../lane/control.js';
import { inLessMemory } from './less-memory.js';

const full = new UnderstudyError('OUT_OF_GPU_MEMORY', 'the card is full');

function laneAtWork() {
  const control = new LaneControl();
  control.begin(monotonicMs() + 60_000);
  return { control, crew: { shrink: vi.fn(async () => {}) } };
}

describe('a card without room', () => {
  it('is tried in less memory before anybody hears of it', async () => {
    const { control, crew } = laneAtWork();
    const work = vi.fn<() => Promise<string>>().mockImplementationOnce(async () => {
      control.frameDone();
      throw full;
    });
    work.mockImplementationOnce(async () => {
      expect(crew.shrink).toHaveBeenCalledTimes(1);
      expect(control.framesDone).toBe(0);
      return 'a segment';
    });
    expect(await inLessMemory(crew, control, work)).toBe('a segment');
  });

  it('is reported when that did not help', async () => {
    const { control, crew } = laneAtWork();
    const work = vi.fn(() => Promise.reject(full));
    await expect(inLessMemory(crew, control, work)).rejects.toBe(full);
    expect(work).toHaveBeenCalledTimes(2);
  });

  it('leaves other failures, and work that was stopped, alone', async () => {
    const { control, crew } = laneAtWork();
    const broken = new UnderstudyError('UNREADABLE_MEDIA', 'broken');
    await expect(inLessMemory(crew, control, () => Promise.reject(broken))).rejects.toBe(broken);
    control.stop('revoked');
    await expect(inLessMemory(crew, control, () => Promise.reject(full))).rejects.toBe(full);
    expect(crew.shrink).not.toHaveBeenCalled();
  });
});
