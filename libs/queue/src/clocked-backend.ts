/** Places of the parameters that bear the asking process's time, in BullMQ's statements for Postgres. */
const TIMES: Readonly<Record<string, readonly number[]>> = {
  extend_lock: [4],
  extend_locks: [4],
  move_stalled_jobs_to_wait: [2],
  move_to_active: [3],
  move_to_completed: [4],
  move_to_completed_fetch: [4, 9],
  move_to_delayed: [3],
  move_to_failed: [5],
  move_to_failed_fetch: [5, 10],
  next_signal: [2],
};
/** What the statements tell of when the next delayed job is due. */
const DUE = 'next_delay';

interface Rows {
  readonly rows: Record<string, unknown>[];
}

interface SqlBackend {
  run(command: string, params: readonly unknown[]): Promise<Rows>;
}

/**
 * Makes a backend on Postgres go by a clock that all processes share. BullMQ stamps locks and delays with the asking
 * process's own: one whose clock is an hour ahead would leave locks that nobody else takes for an hour after it is killed.
 * On Redis locks run by the server's clock; delays, which are retries alone, stay the process's.
 *
 * @param nowMs the shared clock, in milliseconds of the epoch
 */
export function clockedBackend<Backend extends object>(backend: Backend, nowMs: () => number): Backend {
  if (!isSqlBackend(backend)) return backend;
  const run = backend.run.bind(backend);
  backend.run = async (command, params) => {
    const aheadMs = Math.round(nowMs() - Date.now());
    const times = TIMES[command] ?? [];
    const shifted = params.map((value, place) => (times.includes(place) ? Number(value) + aheadMs : value));
    const result = await run(command, shifted);
    // BullMQ compares it with its own clock again.
    for (const row of result.rows) {
      if (row[DUE] !== undefined && row[DUE] !== null) row[DUE] = Number(row[DUE]) - aheadMs;
    }
    return result;
  };
  return backend;
}

function isSqlBackend(backend: object): backend is SqlBackend {
  return 'run' in backend && typeof backend.run === 'function';
}
