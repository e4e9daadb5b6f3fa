import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { canonicalJson } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { leafHash } from '@understudy/tlog';
import { type Clock, CLOCK } from '../platform/tokens.js';

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

/** Key of the advisory lock that writers share and a checkpoint takes alone. */
export const AUDIT_LOCK = 72_707_370;

/**
 * The shared lock is taken before the sequence number is: whoever holds it alone knows that no number below the newest
 * is still to come. Writers do not wait for each other.
 */
const INSERT = `
  WITH gate AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(${AUDIT_LOCK}))
  INSERT INTO audit_events (id, at, actor, action, subject_type, subject_id, project_id, shot_id, canonical, leaf_hash)
  SELECT $1::uuid, $2::timestamptz, $3, $4, $5, $6, $7::uuid, $8::uuid, $9, $10::bytea FROM gate`;

/** Writes a line of the audit log in the transaction of what it tells about: both are committed, or neither. */
@Injectable()
export class AuditWriter {
  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** @returns the event's id */
  async append(sql: Sql, event: NewAuditEvent): Promise<string> {
    const { actor, action, subjectType, subjectId, data } = event;
    const { projectId = null, shotId = null } = event;
    const id = randomUUID();
    const at = this.clock.now().toISOString();
    const canonical = canonicalJson({ id, at, actor, action, subjectType, subjectId, projectId, shotId, data });
    const leaf = Buffer.from(leafHash(Buffer.from(canonical, 'utf8')));
    await sql.query(INSERT, [id, at, actor, action, subjectType, subjectId, projectId, shotId, canonical, leaf]);
    return id;
  }
}
