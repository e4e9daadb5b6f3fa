import { expect, it } from 'vitest';
import { noticeElapsesAt } from './notice.js';

const notice = { document: 'a'.repeat(64), language: 'en', version: '1', sentAt: '2026-06-01T10:00:00Z' };

it.each([
  ['48 hours after it was sent', {}, '2026-06-03T10:00:00.000Z'],
  ['the first use it names, where that is later', { earliestUse: '2026-06-10T00:00:00Z' }, '2026-06-10T00:00:00.000Z'],
  ['never sooner, whatever it names', { earliestUse: '2026-06-01T11:00:00Z' }, '2026-06-03T10:00:00.000Z'],
  ['reckoned in its own time zone', { sentAt: '2026-06-01T10:00:00+09:00' }, '2026-06-03T01:00:00.000Z'],
])('a notice has run %s', (_, change, expected) => {
  expect(noticeElapsesAt({ ...notice, ...change }).toISOString()).toBe(expected);
});
