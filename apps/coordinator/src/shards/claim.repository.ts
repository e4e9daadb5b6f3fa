import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TaskKind } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import type { Lane } from './lane.js';

/** A pending task whose row the transaction holds. */
export interface Candidate {
  readonly id: string;
  readonly kind: TaskKind;
  readonly shotVersionId: string | null;
  readonly assetId: string | null;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly projectId: string | null;
  readonly shotId: string | null;
  /** The parity class that the shot's lanes share; null until the first of them renders. */
  readonly pinned: string | null;
}

export interface Leased {
  readonly attemptId: string;
  readonly epoch: number;
  readonly expiresAt: Date;
}

/**
 * The first task in line that this lane can do: by priority, what shots wait for before what they render, then by age and
 * range. A row that another claim holds is passed over, so no two claims wait for each other and none takes the same.
 * $1 kinds, $2 parity class, $3 shot versions to pass over.
 */
const PICK = `
  SELECT t.id, t.kind::text AS kind, t.shot_version_id AS "shotVersionId", t.asset_id AS "assetId",
         t.start_frame AS "startFrame", t.end_frame AS "endFrame",
         coalesce(s.project_id, a.project_id) AS "projectId", s.id AS "shotId", v.parity_class AS pinned
  FROM tasks t
  LEFT JOIN shot_versions v ON v.id = t.shot_version_id
  LEFT JOIN shots s ON s.id = v.shot_id
  LEFT JOIN assets a ON a.id = t.asset_id
  WHERE t.state = 'pending'
    AND t.not_before <= clock_timestamp()
    AND t.kind = ANY ($1::task_kind[])
    AND (t.parity_class IS NULL OR t.parity_class = $2)
    AND (t.kind = 'enrol'
         OR (t.kind = 'analyse' AND v.state = 'analysing')
         OR (t.kind = 'render' AND v.state = 'rendering' AND (v.parity_class IS NULL OR v.parity_class = $2)))
    AND NOT coalesce(t.shot_version_id = ANY ($3::uuid[]), false)
  ORDER BY t.priority DESC, (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END), t.created_at, t.start_frame, t.id
  LIMIT 1
  FOR UPDATE OF t SKIP LOCKED`;

/** The task's next epoch, its attempt and the lane's state in one statement. $1 task, $2 attempt, $3 lane, $4 seconds, $5 consents. */
const LEASE = `
  WITH leased AS (
    UPDATE tasks SET state = 'leased', epoch = epoch + 1, error_code = NULL, error_message = NULL
    WHERE id = $1 AND state = 'pending'
    RETURNING id, epoch),
  busy AS (
    UPDATE lanes SET state = 'busy', last_seen_at = clock_timestamp() WHERE id = $3 AND state <> 'draining')
  INSERT INTO attempts (id, task_id, epoch, lane_id, expires_at, consent_ids)
  SELECT $2, id, epoch, $3, clock_timestamp() + make_interval(secs => $4), $5::uuid[] FROM leased
  RETURNING epoch, expires_at AS "expiresAt"`;

/** The statements of a claim. */
@Injectable()
export class ClaimRepository {
  async pick(sql: Sql, lane: Lane, passOver: readonly string[]): Promise<Candidate | undefined> {
    const [row] = await sql.query<Candidate>(PICK, [lane.kinds, lane.parityClass, passOver]);
    return row;
  }

  /**
   * Gives a shot version the parity class of the first lane that renders for it. Never waits, because whoever holds the
   * version may be waiting for the task.
   *
   * @returns false when it has another one by now, or somebody is at work on its row
   */
  async pinParityClass(sql: Sql, shotVersionId: string, parityClass: string): Promise<boolean> {
    const rows = await sql.query(
      `WITH version AS (
         SELECT id FROM shot_versions
         WHERE id = $1 AND (parity_class IS NULL OR parity_class = $2) FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE shot_versions v SET parity_class = $2 FROM version WHERE v.id = version.id RETURNING v.id`,
      [shotVersionId, parityClass],
    );
    return rows.length === 1;
  }

  async lease(
    sql: Sql,
    taskId: string,
    lane: Lane,
    terms: { leaseSeconds: number; consentIds: readonly string[] },
  ): Promise<Leased> {
    const attemptId = randomUUID();
    const [row] = await sql.query<{ epoch: number; expiresAt: Date }>(LEASE, [
      taskId,
      attemptId,
      lane.id,
      terms.leaseSeconds,
      terms.consentIds,
    ]);
    if (row === undefined) throw new Error(`task ${taskId} is not pending although its row is held`);
    return { attemptId, ...row };
  }
}
