import { describe, expect, it } from 'vitest';
import { commitTo, ERASED, mayCommit, opened, type Opening, opens } from './commitments.js';
import type { LoggedEvent } from './export-format.js';
import { Openings } from './openings.js';

const salt = Buffer.alloc(32, 7);
const opening: Opening = { field: 'reason', salt: salt.toString('hex'), value: 'words' };
const eventOf = (id: string, data: Record<string, unknown>, action = 'test.typed'): LoggedEvent => ({
  ...{ id, action, data, at: '2026-01-01T00:00:00.000Z', actor: 'system' },
  ...{ subjectType: 'Test', subjectId: '-', projectId: null },
});
const committed = { n: 1, reason: commitTo(salt, 'words') };

describe('a commitment', () => {
  it('is SHA-256 over the salt and the value', () => {
    // (printf '\\007%.0s' $(seq 32); printf words) | sha256sum
    expect(commitTo(salt, 'words').commitment).toBe('2f653d943d75d2636aa2dc672641d06e1d52490a31b343aaaf60cbe0be354a18');
    expect(() => commitTo(salt.subarray(1), 'words')).toThrow(RangeError);
  });

  it.each([
    ['its own opening', opening, true],
    ['another value', { ...opening, value: 'word' }, false],
    ['another salt', { ...opening, salt: 'ab'.repeat(32) }, false],
    [
      'a salt cut short, the rest moved into the value',
      { ...opening, salt: '07'.repeat(31), value: '\u0007words' },
      false,
    ],
    ['an opening of a field that is none', { ...opening, field: 'n' }, false],
    ['an opening of a field that is not there', { ...opening, field: 'basis' }, false],
  ])('%s: %s', (_, given, expected) => {
    expect(opens(committed, given)).toBe(expected);
  });

  it('is told from words that look like one', () => {
    const canonical = JSON.stringify(committed);
    expect(mayCommit(canonical)).toBe(true);
    expect(mayCommit(JSON.stringify({ reason: `{"commitment":"${'a'.repeat(64)}"}` }))).toBe(false);
    expect(opened({ reason: { commitment: 'short' }, n: { commitment: 'a'.repeat(64), and: 1 } }, [])).toEqual({
      reason: { commitment: 'short' },
      n: { commitment: 'a'.repeat(64), and: 1 },
    });
  });

  it('shows its value, or that it was erased', () => {
    expect(opened(committed, [opening])).toEqual({ n: 1, reason: 'words' });
    expect(opened(committed, [])).toEqual({ n: 1, reason: 'erased' });
  });
});

describe('openings of an export', () => {
  it('hold, and are counted', () => {
    const openings = new Openings();
    expect(openings.take(0, eventOf('a', committed), [opening])).toEqual([]);
    expect(openings.unaccounted()).toEqual([]);
    expect(openings.counts).toEqual({ opened: 1, erased: 0 });
  });

  it('name the entry whose opening is another', () => {
    const openings = new Openings();
    expect(openings.take(9, eventOf('a', committed), [{ ...opening, value: 'other' }])).toMatchObject([{ index: 9 }]);
    expect(openings.counts.opened).toBe(0);
  });

  it('that are gone are accounted for by an erasure, of that event and no other', () => {
    const openings = new Openings();
    openings.take(3, eventOf('a', committed), []);
    openings.take(4, eventOf('b', committed), []);
    openings.erase(eventOf('e', { events: ['a', 'c'], fields: 1 }, ERASED));
    openings.erase(eventOf('f', { events: ['b'], fields: 1 }, 'test.other'));
    expect(openings.unaccounted()).toMatchObject([
      { index: 4, message: expect.stringContaining('no erasure') as string },
    ]);
    expect(openings.counts).toEqual({ opened: 0, erased: 1 });
  });
});
