import type { NodeClient } from '@understudy/client/node';
import { expect, it } from 'vitest';
import { leftText, type Progress } from '../terminal/progress.js';
import { watchShot } from './watch.js';

/** A shot that goes from one answer to the next with each look at it. */
function clientOf(shots: readonly object[], etaSeconds: number | null) {
  const asked: string[] = [];
  let n = 0;
  const call = async (name: string) => {
    asked.push(name);
    return name === 'getShot' ? shots[Math.min(n++, shots.length - 1)] : { etaSeconds, waiting: null };
  };
  return { client: { call } as unknown as NodeClient, asked };
}

it('shows the time left that the farm tells, asked for now and then, and none of its own', async () => {
  const rendering = { state: 'rendering', frames: 100, progress: 0.5, error: null };
  const { client, asked } = clientOf(
    [
      { ...rendering, state: 'linking' },
      rendering,
      rendering,
      { ...rendering, state: 'assembling' },
      { ...rendering, state: 'ready' },
    ],
    42,
  );
  const updates: unknown[][] = [];
  const progress: Progress = {
    phase: () => undefined,
    update: (...values) => void updates.push(values),
    note: () => undefined,
    end: () => undefined,
  };
  await watchShot(client, 'shot', progress, new AbortController().signal);
  expect(updates).toEqual([
    [50, 100, 42],
    [50, 100, 42],
  ]);
  expect(asked.filter((name) => name === 'getShotOutlook')).toHaveLength(1);
});

it.each([
  [null, ''],
  [41.2, ' · about 42 s left'],
  [150, ' · about 2 min left'],
  [7300, ' · about 2 h 1 min left'],
])('says %s seconds as "%s"', (seconds, text) => {
  expect(leftText(seconds)).toBe(text);
});
