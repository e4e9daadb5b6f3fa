import { type ErrorCode, UnderstudyError } from '@understudy/contracts';
import { expect, it, vi } from 'vitest';

import { openLog } from '../log.js';
import { FarmSession } from './farm-session.js';
import type { WorkerKey } from './worker-key.js';

const key = { publicKey: 'k', fingerprint: 'f', sign: () => 's' } as unknown as WorkerKey;

/** Answers each try by the next word: a token, or a code to refuse it with. */
function session(answers: (string | { code: ErrorCode })[], validSeconds = 900) {
  const tokens: string[] = [];
  const shutOut: string[] = [];
  const call = vi.fn(async (name: string) => {
    if (name === 'challengeWorker') return { challenge: 'c' };
    const answer = answers.shift() ?? { code: 'COORDINATOR_UNREACHABLE' as const };
    if (typeof answer !== 'string') throw new UnderstudyError(answer.code, 'no');
    return { secret: answer, validSeconds };
  });
  const made = new FarmSession({
    client: { call } as never,
    key,
    log: openLog('silent', {}),
    onToken: (token) => void tokens.push(token),
    onShutOut: ({ code }) => void shutOut.push(code),
    pauseMs: 1,
  });
  return { made, tokens, shutOut };
}

it('waits for the coordinator and for an approval', async () => {
  const { made, tokens } = session([{ code: 'COORDINATOR_UNREACHABLE' }, { code: 'WORKER_NOT_APPROVED' }, 'one']);
  expect(await made.open()).toBe(true);
  expect([made.token, tokens]).toEqual(['one', ['one']]);
  made.close();
});

it('gives up at once with a token that opens nothing', async () => {
  const { made } = session([{ code: 'UNAUTHENTICATED' }]);
  await expect(made.open()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

it('replaces its token before it ends', async () => {
  const { made, tokens } = session(['one', 'two', 'three'], 0.03);
  await made.open();
  await vi.waitFor(() => expect(tokens.slice(0, 3)).toEqual(['one', 'two', 'three']));
  made.close();
});

it('replaces a token that a lane was refused with once, and tells of the newest to who had an older one', async () => {
  const { made, tokens } = session(['one', 'two']);
  await made.open();
  await Promise.all([made.refused('one'), made.refused('one')]);
  expect(tokens).toEqual(['one', 'two']);
  await made.refused('one');
  expect(tokens).toEqual(['one', 'two', 'two']);
  made.close();
});

it('says that the worker is let in no more', async () => {
  const { made, shutOut } = session(['one', { code: 'FORBIDDEN' }]);
  await made.open();
  await made.refused('one');
  expect(shutOut).toEqual(['FORBIDDEN']);
  made.close();
});

it('ends while it waits', async () => {
  const { made } = session([]);
  const opening = made.open();
  made.close();
  expect(await opening).toBe(false);
});
