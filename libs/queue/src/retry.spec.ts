import { expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '@understudy/contracts';
import { isTransient } from './retry.js';

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
