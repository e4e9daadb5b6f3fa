import { describe, expect, it } from 'vitest';
import { DatabaseClock } from './database-clock.js';

const HOUR_MS = 3_600_000;
const THEN_MS = Date.UTC(2026, 0, 5, 12);

/** A clock over a database whose time is `epochMs` and that answers after `tookMs`. */
function clockOver(state: { epochMs: number; monotonicMs: number; tookMs: number }) {
  const query = async <Row>(): Promise<Row[]> => {
    state.monotonicMs += state.tookMs;
    state.epochMs += state.tookMs;
    // The server looked at its clock half way.
    return [{ epochMs: state.epochMs - state.tookMs / 2 }] as Row[];
  };
  return new DatabaseClock({ query }, { warn: () => undefined }, () => state.monotonicMs);
}

describe('DatabaseClock', () => {
  it('goes by the database, not by the host, and runs on between two looks', async () => {
    const state = { epochMs: THEN_MS - HOUR_MS, monotonicMs: 5_000, tookMs: 0 };
    const clock = clockOver(state);
    await clock.read();
    expect(clock.now().getTime()).toBe(THEN_MS - HOUR_MS);
    state.monotonicMs += 1_234;
    expect(clock.now().getTime()).toBe(THEN_MS - HOUR_MS + 1_234);
  });

  it('takes the middle of the way there and back', async () => {
    const state = { epochMs: THEN_MS, monotonicMs: 0, tookMs: 80 };
    const clock = clockOver(state);
    await clock.read();
    expect(clock.now().getTime()).toBe(THEN_MS + 80);
  });

  it('does not jump about within what a look can tell, and follows when the database was set', async () => {
    const state = { epochMs: THEN_MS, monotonicMs: 0, tookMs: 100 };
    const clock = clockOver(state);
    await clock.read();
    const before = clock.now().getTime();
    state.epochMs += 60;
    await clock.read();
    expect(clock.now().getTime()).toBe(before + 100);
    state.epochMs += HOUR_MS;
    await clock.read();
    expect(clock.now().getTime()).toBe(state.epochMs);
  });

  it('is the host’s until the database was asked', () => {
    const clock = clockOver({ epochMs: 0, monotonicMs: 0, tookMs: 0 });
    expect(Math.abs(clock.now().getTime() - Date.now())).toBeLessThan(1_000);
  });
});
