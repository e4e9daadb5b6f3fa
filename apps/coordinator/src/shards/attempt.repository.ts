import { Injectable } from '@nestjs/common';
import type { AttemptState, CompleteAttempt } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import type { Attempt, ReportedResult } from './attempt.js';

const COLUMNS = `
  a.id, a.epoch, a.state::text AS state, a."order", a.lane_id AS "laneId", l.worker_id AS "workerId", a.result,
  a.expires_at AS "expiresAt", t.id AS "taskId", t.kind::text AS kind, t.state::text AS "taskState",
  t.epoch AS "taskEpoch", t.failures, t.start_frame AS "startFrame", t.end_frame AS "endFrame",
  t.shot_version_id AS "shotVersionId", s.id AS "shotId", coalesce(s.project_id, i.project_id) AS "projectId"`;
const SOURCES = `
  FROM attempts a
  JOIN tasks t ON t.id = a.task_id
  JOIN lanes l ON l.id = a.lane_id
  LEFT JOIN shot_versions v ON v.id = t.shot_version_id
  LEFT JOIN shots s ON s.id = v.shot_id
  LEFT JOIN assets i ON i.id = t.asset_id
  WHERE a.id = $1`;

export interface ExpiredAttempt {
  readonly id: string;
  readonly shotVersionId: string | null;
}

export interface AttemptEnd {
  readonly state: Extract<AttemptState, 'accepted' | 'failed' | 'expired' | 'released' | 'stopped' | 'rejected'>;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The rows of attempts and of their tasks. */
@Injectable()
export class AttemptRepository {
  /** The worker's own attempt, as it is now and without holding it. */
  async find(sql: Sql, attemptId: string, workerId: string): Promise<Attempt | undefined> {
    const [row] = await sql.query<Attempt>(`SELECT ${COLUMNS} ${SOURCES} AND l.worker_id = $2`, [attemptId, workerId]);
    return row;
  }

  /** The shot version's row first, before its consents and its tasks: everybody locks in this order. */
  async holdVersion(sql: Sql, shotVersionId: string | null): Promise<void> {
    if (shotVersionId === null) return;
    await sql.query('SELECT 1 FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE', [shotVersionId]);
  }

  /** The task's and the attempt's rows, held; after the version's, which the caller holds. */
  async hold(sql: Sql, attemptId: string): Promise<Attempt | undefined> {
    const [row] = await sql.query<Attempt>(`SELECT ${COLUMNS} ${SOURCES} FOR UPDATE OF t, a`, [attemptId]);
    return row;
  }

  /** @returns when the lease ends now; undefined when the attempt is over, was told to stop, or has another epoch */
  async extend(
    sql: Sql,
    attemptId: string,
    beat: { epoch: number; framesDone: number; leaseSeconds: number },
  ): Promise<Date | undefined> {
    const [row] = await sql.query<{ expiresAt: Date }>(
      `UPDATE attempts a
       SET expires_at = clock_timestamp() + make_interval(secs => $4), frames_done = greatest(a.frames_done, $3)
       FROM tasks t
       WHERE a.id = $1 AND a.epoch = $2 AND a.state IN ('running', 'reported') AND a."order" IS NULL
         AND t.id = a.task_id AND t.epoch = a.epoch
       RETURNING a.expires_at AS "expiresAt"`,
      [attemptId, beat.epoch, beat.framesDone, beat.leaseSeconds],
    );
    return row?.expiresAt;
  }

  async report(sql: Sql, attemptId: string, report: CompleteAttempt, leaseSeconds: number): Promise<void> {
    await sql.query(
      `WITH task AS (
         UPDATE tasks SET state = 'reported' WHERE id = (SELECT task_id FROM attempts WHERE id = $1))
       UPDATE attempts
       SET state = 'reported', result = $2::jsonb, timings_ms = $3::jsonb, probes = $4::jsonb, frames_done = $5,
           expires_at = clock_timestamp() + make_interval(secs => $6)
       WHERE id = $1`,
      [
        attemptId,
        JSON.stringify(report.result),
        JSON.stringify(report.timingsMs),
        report.probes === undefined ? null : JSON.stringify(report.probes),
        report.result.frames,
        leaseSeconds,
      ],
    );
  }

  async end(sql: Sql, attemptId: string, { state, error }: AttemptEnd): Promise<void> {
    await sql.query(
      `UPDATE attempts SET state = $2::attempt_state, ended_at = clock_timestamp(), error_code = $3, error_message = $4
       WHERE id = $1`,
      [attemptId, state, error?.code ?? null, error?.message ?? null],
    );
  }

  async acceptTask(sql: Sql, taskId: string): Promise<void> {
    await sql.query(`UPDATE tasks SET state = 'accepted' WHERE id = $1`, [taskId]);
  }

  /** Back in line, after a pause. */
  async requeueTask(sql: Sql, taskId: string, again: { failures: number; afterSeconds: number }): Promise<void> {
    await sql.query(
      `UPDATE tasks SET state = 'pending', failures = $2, not_before = clock_timestamp() + make_interval(secs => $3)
       WHERE id = $1`,
      [taskId, again.failures, again.afterSeconds],
    );
  }

  async failTask(
    sql: Sql,
    taskId: string,
    failure: { failures: number; code: string; message: string },
  ): Promise<void> {
    await sql.query(
      `UPDATE tasks SET state = 'failed', failures = $2, error_code = $3, error_message = $4 WHERE id = $1`,
      [taskId, failure.failures, failure.code, failure.message],
    );
  }

  /** The accepted result of a render task; a second one is impossible. */
  async addSegment(sql: Sql, attempt: Attempt, result: ReportedResult): Promise<void> {
    await sql.query(
      `INSERT INTO segments (task_id, epoch, sha256, bytes, frames, frame_hashes) VALUES ($1, $2, $3, $4, $5, $6::text[])`,
      [attempt.taskId, attempt.epoch, result.sha256, result.bytes, result.frames, result.frameHashes ?? []],
    );
  }

  /** How many leases of the task ended without a word from their lane. */
  async expiries(sql: Sql, taskId: string): Promise<number> {
    const [row] = await sql.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM attempts WHERE task_id = $1 AND state = 'expired'`,
      [taskId],
    );
    return row!.count;
  }

  /** Attempts whose lease is over, oldest first. */
  async expired(sql: Sql, limit: number): Promise<ExpiredAttempt[]> {
    return await sql.query(
      `SELECT a.id, t.shot_version_id AS "shotVersionId" FROM attempts a JOIN tasks t ON t.id = a.task_id
       WHERE a.state IN ('running', 'reported') AND a.expires_at < clock_timestamp()
       ORDER BY a.expires_at LIMIT $1`,
      [limit],
    );
  }

  async hasExpired(sql: Sql, attemptId: string): Promise<boolean> {
    const rows = await sql.query('SELECT 1 FROM attempts WHERE id = $1 AND expires_at < clock_timestamp()', [
      attemptId,
    ]);
    return rows.length === 1;
  }
}
