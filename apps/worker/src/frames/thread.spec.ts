import { describe, expect, it } from 'vitest';

import { onIdleThread, WorkThread } from './thread.js';

const PROGRAM = new URL('../../test/answering-thread.mjs', import.meta.url);
const INTERNAL = { code: 'INTERNAL' };

describe('a thread of work', () => {
  it('does one piece after another', async () => {
    const thread = new WorkThread(PROGRAM);
    const first = await thread.run({ act: 'answer' });
    expect(await thread.run({ act: 'answer' })).toBe(first);
    expect(thread.isOver).toBe(false);
    await expect(thread.run({ act: 'end' })).rejects.toMatchObject(INTERNAL);
    expect(thread.isOver).toBe(true);
    await expect(thread.run({ act: 'answer' })).rejects.toMatchObject(INTERNAL);
  });

  it('that breaks down fails its piece, and is over', async () => {
    const thread = new WorkThread(PROGRAM);
    await expect(thread.run({ act: 'throw' })).rejects.toMatchObject(INTERNAL);
    await expect.poll(() => thread.isOver).toBe(true);
  });

  it('is used again when it is idle, and never when it has ended', async () => {
    const first = await onIdleThread(PROGRAM, { act: 'answer' });
    expect(await onIdleThread(PROGRAM, { act: 'answer' })).toBe(first);
    const [one, other] = await Promise.all([
      onIdleThread(PROGRAM, { act: 'answer' }),
      onIdleThread(PROGRAM, { act: 'answer' }),
    ]);
    expect(one).not.toBe(other);
    await expect(onIdleThread(PROGRAM, { act: 'end' })).rejects.toMatchObject(INTERNAL);
    await expect(onIdleThread(PROGRAM, { act: 'end' })).rejects.toMatchObject(INTERNAL);
    expect([one, other]).not.toContain(await onIdleThread(PROGRAM, { act: 'answer' }));
  });
});
