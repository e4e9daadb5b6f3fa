import { setTimeout as delay } from 'node:timers/promises';
import { appendAuditEvents, type Database, type NewAuditEvent } from '@understudy/db';
import { quantile } from './quantile.js';

export const WRITERS = 8;
/** As a claim of several lanes at once writes them. */
export const EVENTS_A_TRANSACTION = 20;
const PROBE_EVERY_MS = 500;

export interface AppendRate {
  /** From the first write to the signed checkpoint over the last event. */
  readonly appendedPerSec: number;
  /** From an event's commit to the checkpoint over it, under that load: median. */
  readonly checkpointLagMs: number;
  readonly checkpointLagMsP99: number;
}

/** An event of a claim's size. */
export const benchEvent = (n: number): NewAuditEvent => ({
  actor: 'worker:00000000-0000-4000-8000-000000000000',
  action: 'bench.leased',
  subjectType: 'Task',
  subjectId: String(n),
  data: { attempt: n, epoch: 1, kind: 'render', startFrame: n * 24, endFrame: (n + 1) * 24, consents: ['a', 'b'] },
});

/** Writes events from several connections at once, until the last of them stands under a checkpoint. */
export async function appendEvents(
  owner: Database,
  writer: Database,
  events: number,
  say: (step: string) => void,
): Promise<AppendRate> {
  const stop = new AbortController();
  const startedMs = performance.now();
  const probing = probeLag(writer, stop.signal);
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < events) {
      const first = next;
      next += EVENTS_A_TRANSACTION;
      const size = Math.min(EVENTS_A_TRANSACTION, events - first);
      const batch = Array.from({ length: size }, (_, n) => benchEvent(first + n));
      await writer.hotTransaction((sql) => appendAuditEvents(sql, batch, new Date()));
      if (first % 100_000 === 0 && first > 0) say(`${first} written`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  // By the last one's place, not by a count: what else happens on the farm meanwhile is written down too.
  const last = await newestEvent(owner);
  while (!(await isPlaced(owner, last))) await delay(20);
  const seconds = (performance.now() - startedMs) / 1000;
  stop.abort();
  const lags = await probing;
  return {
    appendedPerSec: Math.round(events / seconds),
    checkpointLagMs: Math.round(quantile(lags, 0.5)),
    checkpointLagMsP99: Math.round(quantile(lags, 0.99)),
  };
}

/** Events of the bench's own, each followed until it has its place. */
async function probeLag(sql: Database, signal: AbortSignal): Promise<number[]> {
  const lags: number[] = [];
  while (!signal.aborted) {
    await appendAuditEvents(sql, [{ ...benchEvent(0), action: 'bench.probed' }], new Date());
    const event = await newestEvent(sql);
    const committedMs = performance.now();
    while (!(await isPlaced(sql, event))) await delay(20);
    lags.push(performance.now() - committedMs);
    await delay(PROBE_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return lags;
}

async function newestEvent(sql: Database): Promise<bigint> {
  const [row] = await sql.query<{ sequence: bigint }>('SELECT max(sequence) AS sequence FROM audit_events');
  return row?.sequence ?? 0n;
}

async function isPlaced(sql: Database, sequence: bigint): Promise<boolean> {
  const rows = await sql.query('SELECT 1 FROM audit_leaves WHERE event_sequence = $1', [sequence]);
  return rows.length > 0;
}
