import { afterEach, describe, expect, it, vi } from 'vitest';
import { clockedBackend } from './clocked-backend.js';

const HOUR_MS = 3_600_000;
const THEN_MS = Date.UTC(2026, 0, 5, 12);

function backendOf(rows: Record<string, unknown>[] = []) {
  const asked: { command: string; params: readonly unknown[] }[] = [];
  const run = async (command: string, params: readonly unknown[]) => {
    asked.push({ command, params });
    return { rows };
  };
  return { asked, run };
}

describe('clockedBackend', () => {
  afterEach(() => void vi.useRealTimers());

  it('stamps locks with the shared clock where the process’s is an hour ahead', async () => {
    vi.useFakeTimers({ now: THEN_MS + HOUR_MS });
    const backend = clockedBackend(backendOf(), () => THEN_MS);
    await backend.run('move_to_active', ['stages', 'token', 10_000, Date.now(), null, null, null]);
    await backend.run('extend_lock', ['stages', 'job', 'token', 10_000, Date.now()]);
    await backend.run('move_to_delayed', ['stages', 'job', 'token', Date.now() + 500, 500, false]);
    expect(backend.asked.map(({ params }) => params)).toEqual([
      ['stages', 'token', 10_000, THEN_MS, null, null, null],
      ['stages', 'job', 'token', 10_000, THEN_MS],
      ['stages', 'job', 'token', THEN_MS + 500, 500, false],
    ]);
  });

  it('tells when the next job is due in the process’s own time', async () => {
    vi.useFakeTimers({ now: THEN_MS - HOUR_MS });
    const backend = clockedBackend(backendOf([{ next_delay: String(THEN_MS + 700) }]), () => THEN_MS);
    expect((await backend.run('next_delay', ['stages'])).rows).toEqual([{ next_delay: THEN_MS - HOUR_MS + 700 }]);
  });

  it('leaves statements without a time, and other backends, alone', async () => {
    const backend = clockedBackend(backendOf(), () => THEN_MS);
    await backend.run('get_state', ['stages', 5]);
    expect(backend.asked[0]?.params).toEqual(['stages', 5]);
    const other = { moveToActive: () => null };
    expect(clockedBackend(other, () => THEN_MS)).toBe(other);
  });
});
