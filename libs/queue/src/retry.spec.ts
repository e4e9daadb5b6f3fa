import { expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '@understudy/contracts';
import { isOutage, isTransient, MOST_TRIES, pauseAfter } from './retry.js';

it.each(['INTERNAL', 'FFMPEG_FAILED', 'DISK_FULL', 'DATABASE_UNAVAILABLE', 'SHUTTING_DOWN'] as const)(
  'tries %s again',
  (code) => {
    expect(isTransient(code)).toBe(true);
  },
);

it('never tries again what consent, faces or media said', () => {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  const final = codes.filter((code) => [3, 4, 5].includes(ERROR_CODES[code].exit));
  expect(final.length).toBeGreaterThan(20);
  expect(final.filter(isTransient)).toEqual([]);
});

/** Waits of a stage until it is given up, whose every try ends with this code. */
function pauses(stage: Parameters<typeof pauseAfter>[0], code: ErrorCode, before = { outages: 0, failures: 0 }) {
  const waits: number[] = [];
  for (const tries = { ...before }; ;) {
    if (isOutage(code)) tries.outages += 1;
    else tries.failures += 1;
    const pauseMs = pauseAfter(stage, code, tries);
    if (pauseMs === null) return waits;
    waits.push(pauseMs);
  }
}

it('gives a stage that runs ffmpeg up after the third failure', () => {
  expect(pauses('assemble', 'FFMPEG_FAILED')).toEqual([2000, 4000]);
  expect(pauses('assemble', 'JOIN_MISMATCH')).toEqual([]);
});

it.each(['DISK_FULL', 'STORE_UNAVAILABLE', 'DATABASE_UNAVAILABLE'] as const)(
  'waits half an hour for the end of an outage: %s',
  (code) => {
    const waits = pauses('assemble', code);
    expect(waits.slice(0, 3)).toEqual([1000, 2000, 4000]);
    expect(Math.max(...waits)).toBe(60_000);
    const minutes = waits.reduce((sum, ms) => sum + ms, 0) / 60_000;
    expect(minutes).toBeGreaterThan(25);
    expect(waits.length).toBeLessThan(MOST_TRIES);
  },
);

it('does not count what an outage ended against the stage', () => {
  expect(pauses('assemble', 'FFMPEG_FAILED', { outages: 20, failures: 0 })).toEqual([2000, 4000]);
});
