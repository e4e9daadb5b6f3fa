import { randomUUID } from 'node:crypto';
import { canonicalJson } from '@understudy/contracts';
import { leafHash } from '@understudy/tlog';
import { type KeptOpening, withCommitments } from './personal.js';
import type { Sql } from './sql.js';

export interface NewAuditEvent {
  /** An actor's label, or `system`. */
  readonly actor: string;
  /** Dotted: what happened to what, in the past tense: `consent.activated`. */
  readonly action: string;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly projectId?: string | null;
  readonly shotId?: string | null;
  /** Ids, numbers and codes, and what people typed as `personal(…)`; never names, paths of media or secrets. */
  readonly data: Readonly<Record<string, unknown>>;
}

const COLUMNS = 'id, at, actor, action, subject_type, subject_id, project_id, shot_id, canonical, leaf_hash';
const INSERT = `
  INSERT INTO audit_events (${COLUMNS})
  VALUES ($1::uuid, $2::timestamptz, $3, $4, $5, $6, $7::uuid, $8::uuid, $9, $10::bytea)`;
const INSERT_ALL = `
  INSERT INTO audit_events (${COLUMNS})
  SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
    $9::text[], $10::bytea[])`;
/** Still one statement: an event never stands there without what it commits to. */
const withOpenings = (insert: string): string => `
  WITH events AS (${insert})
  INSERT INTO audit_personal (event_id, field, salt, value)
  SELECT event_id, field, decode(salt, 'hex'), value
    FROM unnest($11::uuid[], $12::text[], $13::text[], $14::text[]) AS o(event_id, field, salt, value)`;

interface Row {
  readonly id: string;
  readonly columns: readonly unknown[];
  readonly kept: readonly KeptOpening[];
}

function rowOf(event: NewAuditEvent, at: string): Row {
  const { actor, action, subjectType, subjectId, projectId = null, shotId = null } = event;
  const id = randomUUID();
  const { logged: data, kept } = withCommitments(event.data);
  const canonical = canonicalJson({ id, at, actor, action, subjectType, subjectId, projectId, shotId, data });
  const leaf = Buffer.from(leafHash(Buffer.from(canonical, 'utf8')));
  return { id, columns: [id, at, actor, action, subjectType, subjectId, projectId, shotId, canonical, leaf], kept };
}

async function insert(sql: Sql, statement: string, params: readonly unknown[], rows: readonly Row[]): Promise<void> {
  const openings = rows.flatMap(({ id, kept }) => kept.map((opening) => ({ id, ...opening })));
  if (openings.length === 0) {
    await sql.query(statement, params);
    return;
  }
  const beside = (['id', 'field', 'salt', 'value'] as const).map((name) => openings.map((opening) => opening[name]));
  await sql.query(withOpenings(statement), [...params, ...beside]);
}

/**
 * Puts an event down in the caller's transaction: one INSERT that waits for nobody. Its place in the log is given later,
 * by the sequencer.
 *
 * @returns the event's id
 */
export async function appendAuditEvent(sql: Sql, event: NewAuditEvent, now: Date): Promise<string> {
  const row = rowOf(event, now.toISOString());
  await insert(sql, INSERT, row.columns, [row]);
  return row.id;
}

/** The same for several events, in their order and still one INSERT. */
export async function appendAuditEvents(sql: Sql, events: readonly NewAuditEvent[], now: Date): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map((event) => rowOf(event, now.toISOString()));
  const columns = Array.from({ length: 10 }, (_, column) => rows.map(({ columns: values }) => values[column]));
  await insert(sql, INSERT_ALL, columns, rows);
}
