import { describe, expect, it } from 'vitest';
import {
  endsItsLanes,
  type Failure,
  type FailureRecord,
  faultOf,
  hostPauseSeconds,
  MOST_FAILURES,
  MOST_SILENCES,
  retryAfter,
} from './failures.js';

const failure: Failure = { kind: 'render', code: 'INTERNAL', retryable: true, atCoordinator: false };

describe('whom a failure speaks of', () => {
  it.each<[Partial<Failure>, string]>([
    [{}, 'task'],
    [{ code: 'FFMPEG_FAILED' }, 'task'],
    [{ code: 'SEGMENT_INVALID' }, 'task'],
    [{ code: 'DISK_FULL' }, 'host'],
    [{ code: 'FFMPEG_MISSING' }, 'host'],
    [{ code: 'MODEL_HASH_MISMATCH' }, 'host'],
    [{ code: 'DISK_FULL', atCoordinator: true }, 'passing'],
    [{ code: 'COORDINATOR_UNREACHABLE' }, 'passing'],
    [{ code: 'STORE_UNAVAILABLE', atCoordinator: true }, 'passing'],
    [{ code: 'UNREADABLE_MEDIA', retryable: false }, 'media'],
    [{ code: 'TRUNCATED_MEDIA', retryable: false, kind: 'analyse' }, 'media'],
    // The coordinator says it of a result.
    [{ code: 'UNREADABLE_MEDIA' }, 'task'],
    // An image is read once, and nobody read it before.
    [{ code: 'UNREADABLE_MEDIA', retryable: false, kind: 'enrol' }, 'input'],
    [{ code: 'NO_FACE', retryable: false }, 'input'],
  ])('%j: %s', (change, fault) => {
    expect(faultOf({ ...failure, ...change })).toBe(fault);
  });
});

const record: FailureRecord = {
  fault: 'task',
  failures: 1,
  waits: 0,
  isAgreed: false,
  othersLeft: false,
  firstPauseSeconds: 5,
};

describe('after a failure', () => {
  it.each<[string, Partial<FailureRecord>, number | null]>([
    ['another lane tries at once', { othersLeft: true }, 0],
    ['a lane alone waits', {}, 5],
    ['and longer the second time', { failures: 2 }, 30],
    ['the third ends it', { failures: MOST_FAILURES }, null],
    ['wherever it happened', { failures: MOST_FAILURES, othersLeft: true }, null],
    ['what was asked for is at fault: nobody tries again', { fault: 'input' }, null],
    ['one lane’s word on the medium is none', { fault: 'media', othersLeft: true }, 0],
    ['two lanes’ is', { fault: 'media', failures: 2, isAgreed: true, othersLeft: true }, null],
    ['a lane alone says it twice', { fault: 'media' }, 5],
    ['and that is enough', { fault: 'media', failures: 2 }, null],
    ['a host is not the task’s fault', { fault: 'host', failures: MOST_FAILURES, othersLeft: true }, 0],
    ['where there is no other, other work goes first the longer', { fault: 'host', failures: 9, waits: 1 }, 30],
    ['a server that is away is waited for', { fault: 'passing' }, 5],
    ['longer each time', { fault: 'passing', waits: 2 }, 180],
    ['but not for ever longer, and never given up', { fault: 'passing', waits: 20, failures: 9 }, 300],
    ['the next lane tries at once only once', { fault: 'passing', othersLeft: true, waits: 1 }, 30],
  ])('%s', (_, change, seconds) => {
    expect(retryAfter({ ...record, ...change })).toBe(seconds);
  });

  it('a host is left alone longer each time, ten minutes at most', () => {
    expect([0, 1, 2, 9].map((times) => hostPauseSeconds(15, times))).toEqual([15, 30, 60, 600]);
  });
});

describe('lanes that went silent', () => {
  it.each<[string, Parameters<typeof endsItsLanes>[0], boolean]>([
    ['many different ones', { attempts: MOST_SILENCES, lanes: MOST_SILENCES, othersLeft: true }, true],
    ['the same one again and again, while others are there', { attempts: 30, lanes: 1, othersLeft: true }, false],
    ['the same one again and again, alone', { attempts: MOST_SILENCES, lanes: 1, othersLeft: false }, true],
    ['some', { attempts: 3, lanes: 3, othersLeft: false }, false],
  ])('%s', (_, silences, verdict) => {
    expect(endsItsLanes(silences)).toBe(verdict);
  });
});
