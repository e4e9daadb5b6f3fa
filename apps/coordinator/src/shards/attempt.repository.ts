import { Injectable } from '@nestjs/common';
import type { AttemptState, CompleteAttempt, TaskKind } from '@understudy/contracts';
import { RecordSeals, segmentRecord, type Sql } from '@understudy/db';
import { WAIT_CODES } from '@understudy/policy';
import { ABLE_LANES } from './able-lanes.js';
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
  WHERE a.id = ANY ($1::uuid[])`;
/** In the order of ids, so that two who lock several never wait for each other in a ring. */
const HOLD = `SELECT ${COLUMNS} ${SOURCES} ORDER BY a.id FOR UPDATE OF t, a`;

const EXTEND = `
  WITH held AS MATERIALIZED (
    SELECT a.id, b.frames, coalesce(b.bytes, 0) AS bytes
    FROM jsonb_to_recordset($1::jsonb) AS b("attemptId" uuid, epoch int, frames int, bytes bigint)
    JOIN attempts a ON a.id = b."attemptId" AND a.epoch = b.epoch
    JOIN tasks t ON t.id = a.task_id AND t.epoch = a.epoch
    WHERE a.state IN ('running', 'reported') AND a."order" IS NULL
    ORDER BY a.id FOR NO KEY UPDATE OF a)
  UPDATE attempts a
  SET expires_at = clock_timestamp() + make_interval(secs => $2), frames_done = greatest(a.frames_done, held.frames),
      received_bytes = greatest(a.received_bytes, held.bytes),
      progress_at = CASE WHEN held.frames > a.frames_done OR held.bytes > a.received_bytes THEN clock_timestamp() ELSE a.progress_at END
  FROM held WHERE a.id = held.id
  RETURNING a.id, a.expires_at AS "expiresAt"`;

const REPORT = `
  WITH r AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS r("attemptId" uuid, result jsonb, timings jsonb, probes jsonb, frames int)),
  task AS (
    UPDATE tasks t SET state = 'reported' FROM attempts a WHERE a.id = ANY ($3::uuid[]) AND t.id = a.task_id)
  UPDATE attempts a
  SET state = 'reported', result = r.result, timings_ms = r.timings, probes = r.probes, frames_done = r.frames,
      expires_at = clock_timestamp() + make_interval(secs => $2)
  FROM r WHERE a.id = r."attemptId" AND a.id = ANY ($3::uuid[])`;

/** Segments of render tasks, the tasks, the attempts and their lanes; a second segment of a task is impossible. */
const ACCEPT = `
  WITH r AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS r("attemptId" uuid, "taskId" uuid, epoch int, segment bool, sha256 text,
      bytes bigint, frames int, hashes text[], seal text)),
  kept AS (
    INSERT INTO segments (task_id, epoch, sha256, bytes, frames, frame_hashes, seal)
    SELECT "taskId", epoch, sha256, bytes, frames, hashes, decode(seal, 'hex') FROM r WHERE segment),
  done AS (
    UPDATE tasks t SET state = 'accepted' WHERE t.id = ANY ($3::uuid[]))
  UPDATE attempts a SET state = 'accepted', ended_at = clock_timestamp() WHERE a.id = ANY ($2::uuid[])`;

const OPEN = `
  SELECT q.kind || ' ' || q.id AS key FROM unnest($1::uuid[], $2::task_kind[]) AS q(id, kind)
  WHERE EXISTS (SELECT 1 FROM tasks t WHERE t.shot_version_id = q.id AND t.kind = q.kind AND t.state <> 'accepted' AND t.state <> 'failed')`;

export const ATTEMPT_STATEMENTS = { OPEN, FIND: `SELECT ${COLUMNS} ${SOURCES}`, HOLD, EXTEND, REPORT, ACCEPT };

export interface ExpiredAttempt {
  readonly id: string;
  readonly shotVersionId: string | null;
}

export interface AttemptEnd {
  readonly state: Extract<AttemptState, 'failed' | 'expired' | 'released' | 'stopped' | 'rejected'>;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The rows of attempts and of their tasks. */
/** States in which lanes may read what a shot is made of. */
const READ_BY_LANES = ['analysing', 'rendering'];

const AT_WORK = `
  SELECT 1 FROM workers w
   WHERE w.id = $1 AND w.disabled_at IS NULL
     AND EXISTS (
       SELECT 1 FROM tokens s LEFT JOIN worker_keys k ON k.id = s.key_id
        WHERE s.worker_id = w.id AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())
          AND CASE WHEN s.key_id IS NULL THEN NOT $5 ELSE k.approved_at IS NOT NULL AND k.revoked_at IS NULL END)
     AND EXISTS (
       SELECT 1 FROM lanes l JOIN attempts a ON a.lane_id = l.id JOIN tasks t ON t.id = a.task_id
         LEFT JOIN shot_versions v ON v.id = t.shot_version_id
        WHERE l.worker_id = w.id AND a.state IN ('running', 'reported') AND a.expires_at > now()
          AND (t.id = $3 OR t.shot_version_id = $2) AND (v.id IS NULL OR v.state = ANY ($4::shot_state[])))`;

@Injectable()
export class AttemptRepository {
  constructor(private readonly seals: RecordSeals) {}

  /**
   * Whether what a worker was given to read is still its to read: it may work, and works on the task, or on the shot version,
   * that it was given for. Lanes of one host share what one of them fetched, so any attempt of the worker's on it counts.
   *
   * @param withKey a worker of this farm works with a session of its key alone
   */
  async isAtWork(
    sql: Sql,
    given: { readonly [name in 'workerId' | 'shotVersionId' | 'taskId']?: string },
    { withKey }: { withKey: boolean },
  ): Promise<boolean> {
    const { workerId = null, shotVersionId = null, taskId = null } = given;
    const rows = await sql.query(AT_WORK, [workerId, shotVersionId, taskId, READ_BY_LANES, withKey]);
    return rows.length === 1;
  }

  /** The worker's own attempt, as it is now and without holding it. */
  async find(sql: Sql, attemptId: string, workerId: string): Promise<Attempt | undefined> {
    const [row] = await this.findAll(sql, [attemptId]);
    return row?.workerId === workerId ? row : undefined;
  }

  /** Attempts as they are now, whosever they are; without holding them, in no order. */
  async findAll(sql: Sql, attemptIds: readonly string[]): Promise<Attempt[]> {
    return await sql.query<Attempt>(`SELECT ${COLUMNS} ${SOURCES}`, [attemptIds]);
  }

  /** The shot version's row first, before its consents and its tasks: everybody locks in this order. */
  async holdVersion(sql: Sql, shotVersionId: string | null): Promise<void> {
    if (shotVersionId === null) return;
    await sql.query('SELECT 1 FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE', [shotVersionId]);
  }

  /** The task's and the attempt's rows, held; after the version's, which the caller holds. */
  async hold(sql: Sql, attemptId: string): Promise<Attempt | undefined> {
    const [row] = await this.holdAll(sql, [attemptId]);
    return row;
  }

  async holdAll(sql: Sql, attemptIds: readonly string[]): Promise<Attempt[]> {
    return await sql.query<Attempt>(HOLD, [attemptIds]);
  }

  /** @returns when the leases end now; without those that are over, were told to stop, or have another epoch */
  async extend(
    sql: Sql,
    beats: readonly { attemptId: string; epoch: number; framesDone: number; receivedBytes?: number | undefined }[],
    leaseSeconds: number,
  ): Promise<ReadonlyMap<string, Date>> {
    const wanted = beats.map(({ attemptId, epoch, framesDone, receivedBytes }) => {
      return { attemptId, epoch, frames: framesDone, bytes: receivedBytes };
    });
    const rows = await sql.query<{ id: string; expiresAt: Date }>(EXTEND, [JSON.stringify(wanted), leaseSeconds]);
    return new Map(rows.map(({ id, expiresAt }) => [id, expiresAt]));
  }

  async report(
    sql: Sql,
    reports: readonly { attemptId: string; report: CompleteAttempt }[],
    leaseSeconds: number,
  ): Promise<void> {
    const rows = reports.map(({ attemptId, report }) => ({
      attemptId,
      result: report.result,
      timings: report.timingsMs,
      ...(report.probes === undefined ? {} : { probes: report.probes }),
      frames: report.result.frames,
    }));
    await sql.query(REPORT, [JSON.stringify(rows), leaseSeconds, rows.map(({ attemptId }) => attemptId)]);
  }

  async accept(sql: Sql, accepted: readonly { attempt: Attempt; result: ReportedResult }[]): Promise<void> {
    const rows = accepted.map(({ attempt, result: { sha256, bytes, frames, frameHashes = [] } }) => ({
      attemptId: attempt.id,
      taskId: attempt.taskId,
      epoch: attempt.epoch,
      segment: attempt.kind === 'render',
      sha256,
      bytes,
      frames,
      hashes: frameHashes,
      seal: this.seals.of('segments', segmentRecord({ taskId: attempt.taskId, epoch: attempt.epoch, sha256, frames })),
    }));
    await sql.query(ACCEPT, [
      JSON.stringify(rows),
      rows.map(({ attemptId }) => attemptId),
      rows.map(({ taskId }) => taskId),
    ]);
  }

  /** Of shot versions and kinds of task, those that still have an open one; as `kind id`. */
  async openShots(
    sql: Sql,
    settled: readonly { kind: TaskKind; shotVersionId: string | null }[],
  ): Promise<ReadonlySet<string>> {
    const of = settled.filter(({ shotVersionId }) => shotVersionId !== null);
    if (of.length === 0) return new Set();
    const rows = await sql.query<{ key: string }>(OPEN, [
      of.map((one) => one.shotVersionId),
      of.map(({ kind }) => kind),
    ]);
    return new Set(rows.map(({ key }) => key));
  }

  async end(sql: Sql, attemptId: string, { state, error }: AttemptEnd): Promise<void> {
    await sql.query(
      `UPDATE attempts SET state = $2::attempt_state, ended_at = clock_timestamp(), error_code = $3, error_message = $4
       WHERE id = $1`,
      [attemptId, state, error?.code ?? null, error?.message ?? null],
    );
  }

  /** Back in line, after a pause. */
  async requeueTask(
    sql: Sql,
    taskId: string,
    again: {
      failures: number;
      afterSeconds: number;
      because?: { readonly code: string; readonly message: string } | undefined;
    },
  ): Promise<void> {
    await sql.query(
      `UPDATE tasks SET state = 'pending', failures = $2, not_before = clock_timestamp() + make_interval(secs => $3),
              error_code = $4, error_message = $5
       WHERE id = $1`,
      [taskId, again.failures, again.afterSeconds, again.because?.code ?? null, again.because?.message ?? null],
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

  /** Leases of the task that ended without a word from their lane, since somebody last had it tried anew. */
  async silences(sql: Sql, taskId: string): Promise<{ attempts: number; lanes: number }> {
    const [row] = await sql.query<{ attempts: number; lanes: number }>(
      `SELECT count(*)::int AS attempts, count(DISTINCT a.lane_id)::int AS lanes
       FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.epoch > t.forgiven_epoch
       WHERE t.id = $1 AND a.state = 'expired'`,
      [taskId],
    );
    return row!;
  }

  /** Whether a lane besides this one keeps its lease. */
  async othersAreHeard(sql: Sql, laneId: string): Promise<boolean> {
    const rows = await sql.query(
      `SELECT 1 FROM attempts WHERE state IN ('running', 'reported') AND lane_id <> $1 AND expires_at > clock_timestamp() LIMIT 1`,
      [laneId],
    );
    return rows.length > 0;
  }

  /** How many attempts before this one ended for want of something that is no part of the task. */
  async waits(sql: Sql, taskId: string, epoch: number): Promise<number> {
    const [row] = await sql.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.epoch > t.forgiven_epoch
       WHERE t.id = $1 AND a.epoch < $2 AND a.state = 'failed' AND a.error_code = ANY ($3::text[])`,
      [taskId, epoch, WAIT_CODES],
    );
    return row!.count;
  }

  /** Whether two hosts said one of these of the task; two lanes, where all that could do it are of one host. */
  async isAgreed(sql: Sql, taskId: string, codes: readonly string[]): Promise<boolean> {
    const rows = await sql.query(
      `SELECT 1 FROM (
         SELECT count(DISTINCT (l.worker_id, l.host)) AS hosts, count(DISTINCT l.id) AS lanes
         FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.epoch > t.forgiven_epoch JOIN lanes l ON l.id = a.lane_id
         WHERE t.id = $1 AND a.state = 'failed' AND a.error_code = ANY ($2::text[])) said
       WHERE hosts > 1 OR lanes > 1 AND (SELECT count(DISTINCT (o.worker_id, o.host)) FROM (${ABLE_LANES}) o) < 2`,
      [taskId, codes],
    );
    return rows.length > 0;
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

  /** Attempts whose lanes are alive and whose frames did not grow for so long. */
  async stuck(sql: Sql, seconds: number, limit: number): Promise<ExpiredAttempt[]> {
    return await sql.query(
      `SELECT a.id, t.shot_version_id AS "shotVersionId" FROM attempts a JOIN tasks t ON t.id = a.task_id
       WHERE a.state = 'running' AND a.progress_at < clock_timestamp() - make_interval(secs => $1) LIMIT $2`,
      [seconds, limit],
    );
  }

  async isStuck(sql: Sql, attemptId: string, seconds: number): Promise<boolean> {
    const rows = await sql.query(
      `SELECT 1 FROM attempts WHERE id = $1 AND state = 'running'
         AND progress_at < clock_timestamp() - make_interval(secs => $2)`,
      [attemptId, seconds],
    );
    return rows.length === 1;
  }

  async hasExpired(sql: Sql, attemptId: string): Promise<boolean> {
    const rows = await sql.query('SELECT 1 FROM attempts WHERE id = $1 AND expires_at < clock_timestamp()', [
      attemptId,
    ]);
    return rows.length === 1;
  }
}
