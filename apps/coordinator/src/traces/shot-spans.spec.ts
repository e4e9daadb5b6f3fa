import type { ShotState } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { shotSpans, type TracedAttempt, type TracedVersion } from './shot-spans.js';

const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const change = (from: ShotState, to: ShotState, second: number) => ({ from, to, at: at(second) });

function attempt(id: string, leased: number, more: Partial<TracedAttempt> = {}): TracedAttempt {
  return {
    id,
    taskId: `task of ${id}`,
    laneId: 'lane',
    kind: 'render',
    epoch: 1,
    startFrame: 0,
    endFrame: 10,
    state: 'accepted',
    errorCode: null,
    leasedAt: at(leased),
    reportedAt: at(leased + 3),
    endedAt: at(leased + 4),
    timingsMs: { decode: 900, upload: 1000 },
    ...more,
  };
}

const version = (more: Partial<TracedVersion>): TracedVersion => ({
  id: 'version',
  shotId: 'shot',
  projectId: 'project',
  traceparent: null,
  createdAt: at(0),
  changes: [],
  attempts: [],
  ...more,
});
const shape = (spans: ReturnType<typeof shotSpans>) =>
  spans.map(({ name, start, end }) => [name, start.getUTCSeconds(), end.getUTCSeconds()]);

describe('the spans of a shot version', () => {
  const failedOnce = version({
    changes: [
      change('ingesting', 'analysing', 2),
      change('analysing', 'rendering', 5),
      change('rendering', 'failed', 20),
      change('failed', 'rendering', 30),
      change('rendering', 'assembling', 40),
      change('assembling', 'ready', 42),
      change('ready', 'released', 50),
    ],
    attempts: [
      attempt('first', 6, { state: 'failed', errorCode: 'DISK_FULL', reportedAt: null }),
      attempt('second', 31),
    ],
  });

  it('tell what it did until it settled, the attempts in the state that they were made in', () => {
    const spans = shotSpans(failedOnce, 'failed');
    expect(shape(spans)).toEqual([
      ['shot', 0, 20],
      ['ingesting', 0, 2],
      ['analysing', 2, 5],
      ['rendering', 5, 20],
      ['attempt render', 6, 10],
    ]);
    expect(spans[4]).toMatchObject({
      parentSpanId: spans[3]?.spanId,
      failed: true,
      attributes: { 'error.type': 'DISK_FULL', 'understudy.lane_ms.decode': 900 },
    });
    expect(spans[0]).toMatchObject({ parentSpanId: null, failed: true });
  });

  it('go on after that where they ended, in the same trace, and tell nothing twice', () => {
    const first = shotSpans(failedOnce, 'failed');
    const then = shotSpans(failedOnce, 'ready');
    expect(shape(then)).toEqual([
      ['failed', 20, 30],
      ['rendering', 30, 40],
      ['assembling', 40, 42],
      ['attempt render', 31, 35],
      ['upload', 33, 34],
      ['verify segment', 34, 35],
    ]);
    expect(shape(shotSpans(failedOnce, 'released'))).toEqual([['ready', 42, 50]]);
    const all = [...first, ...then, ...shotSpans(failedOnce, 'released')];
    expect(new Set(all.map(({ spanId }) => spanId)).size).toBe(all.length);
    expect(new Set(all.map(({ traceId }) => traceId)).size).toBe(1);
    const known = new Set(all.map(({ spanId }) => spanId));
    expect(all.filter(({ parentSpanId }) => parentSpanId === null || !known.has(parentSpanId))).toEqual([first[0]]);
  });

  it('are none of a version that did not settle so', () => {
    expect(shotSpans(failedOnce, 'cancelled')).toEqual([]);
  });
});
