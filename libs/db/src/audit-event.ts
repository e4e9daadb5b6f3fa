import { randomUUID } from 'node:crypto';
import { canonicalJson } from '@understudy/contracts';
import { leafHash } from '@understudy/tlog';
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
  /** Ids, numbers, codes and reasons; never names, paths of media or secrets. */
  readonly data: Readonly<Record<string, unknown>>;
}

const INSERT = `
  INSERT INTO audit_events (id, at, actor, action, subject_type, subject_id, project_id, shot_id, canonical, leaf_hash)
  VALUES ($1::uuid, $2::timestamptz, $3, $4, $5, $6, $7::uuid, $8::uuid, $9, $10::bytea)`;

/**
 * Puts an event down in the caller's transaction: one INSERT that waits for nobody. Its place in the log is given later,
 * by the sequencer.
 *
 * @returns the event's id
 */
export async function appendAuditEvent(sql: Sql, event: NewAuditEvent, now: Date): Promise<string> {
  const { actor, action, subjectType, subjectId, data } = event;
  const { projectId = null, shotId = null } = event;
  const id = randomUUID();
  const at = now.toISOString();
  const canonical = canonicalJson({ id, at, actor, action, subjectType, subjectId, projectId, shotId, data });
  const leaf = Buffer.from(leafHash(Buffer.from(canonical, 'utf8')));
  await sql.query(INSERT, [id, at, actor, action, subjectType, subjectId, projectId, shotId, canonical, leaf]);
  return id;
}

const INSERT_ALL = `
  INSERT INTO audit_events (id, at, actor, action, subject_type, subject_id, project_id, shot_id, canonical, leaf_hash)
  SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
    $9::text[], $10::bytea[])`;

/** The same for several events, in their order and still one INSERT. */
export async function appendAuditEvents(sql: Sql, events: readonly NewAuditEvent[], now: Date): Promise<void> {
  const at = now.toISOString();
  const rows = events.map((event) => {
    const { actor, action, subjectType, subjectId, data, projectId = null, shotId = null } = event;
    const id = randomUUID();
    const canonical = canonicalJson({ id, at, actor, action, subjectType, subjectId, projectId, shotId, data });
    const leaf = Buffer.from(leafHash(Buffer.from(canonical, 'utf8')));
    return [id, at, actor, action, subjectType, subjectId, projectId, shotId, canonical, leaf] as const;
  });
  if (rows.length === 0) return;
  const columns = Array.from({ length: 10 }, (_, column) => rows.map((row) => row[column]));
  await sql.query(INSERT_ALL, columns);
}
