import { expect, it } from 'vitest';
import { readTraceparent, spanIdOf, traceContextOf } from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const VERSION = '0190c0de-0000-7000-8000-000000000001';

it('goes on with the trace that a caller brings, and begins one where there is none', () => {
  const header = readTraceparent(`00-${TRACE}-${SPAN}-01`);
  expect(traceContextOf(VERSION, header ?? null)).toEqual({ traceId: TRACE, parentSpanId: SPAN });
  const own = traceContextOf(VERSION, null);
  expect(own).toEqual(traceContextOf(VERSION, null));
  expect(own.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(own.parentSpanId).toBeNull();
  expect(own.traceId).not.toBe(traceContextOf(VERSION.replace('1', '2'), null).traceId);
});

it.each([
  ['nothing', undefined],
  ['another thing', 'hello'],
  ['zeros for a trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['zeros for a span', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['the version that is none', `ff-${TRACE}-${SPAN}-01`],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a line more', `00-${TRACE}-${SPAN}-01\nx: y`],
  ['too much', `01-${TRACE}-${SPAN}-01-${'a'.repeat(300)}`],
])('takes %s for no context', (_, header) => {
  expect(readTraceparent(header)).toBeUndefined();
});

it('keeps of a later version of the format what this one knows', () => {
  expect(readTraceparent(`01-${TRACE}-${SPAN}-01-more`)).toBe(`01-${TRACE}-${SPAN}-01`);
});

it('names a span by what it is, the same each time', () => {
  expect(spanIdOf('attempt', 'a')).toMatch(/^[0-9a-f]{16}$/);
  expect(spanIdOf('attempt', 'a')).toBe(spanIdOf('attempt', 'a'));
  expect(spanIdOf('attempt', 'a')).not.toBe(spanIdOf('attempt', 'b'));
});
