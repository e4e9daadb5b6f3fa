import { Injectable } from '@nestjs/common';
import type { TaskKind } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { ORDERS_CHANNEL, TASKS_CHANNEL } from './wake-ups.js';

export interface NewTask {
  readonly id: string;
  readonly kind: TaskKind;
  /** Null for `enrol`. */
  readonly shotVersionId: string | null;
  /** The image to enrol; of a range, its plate. */
  readonly assetId: string | null;
  /** `[startFrame, endFrame)`; `[0, 1)` for `enrol`. */
  readonly startFrame: number;
  readonly endFrame: number;
  readonly priority: number;
}

const INSERT = `
  INSERT INTO tasks (id, kind, shot_version_id, asset_id, start_frame, end_frame, priority)
  SELECT t.id, t.kind, t."shotVersionId", t."assetId", t."startFrame", t."endFrame", t.priority
  FROM jsonb_to_recordset($1::jsonb) AS t(id uuid, kind task_kind, "shotVersionId" uuid, "assetId" uuid,
    "startFrame" int, "endFrame" int, priority int)
  ON CONFLICT DO NOTHING
  RETURNING id`;

/** Tasks first and attempts after, as two statements: a lease that was being given meanwhile is seen by the second. */
const CANCEL_TASKS = `
  UPDATE tasks SET state = 'cancelled' WHERE shot_version_id = $1 AND state IN ('pending', 'leased', 'reported') RETURNING id`;
const ORDER_ATTEMPTS = `
  WITH held AS MATERIALIZED (
    SELECT a.id FROM attempts a JOIN tasks t ON t.id = a.task_id
    WHERE t.shot_version_id = $1 AND a.state IN ('running', 'reported')
    ORDER BY a.id FOR UPDATE OF a),
  told AS (
    UPDATE attempts a SET "order" = $2 FROM held WHERE a.id = held.id
    RETURNING a.id, a.lane_id)
  SELECT id, pg_notify($3, lane_id::text)::text FROM told`;

/** Those of its faces that lanes are asked to read; what is just being settled settles, and is forgotten with the rest. */
const CANCEL_CHECKS = `
  WITH open AS MATERIALIZED (
    SELECT t.id FROM tasks t JOIN output_checks k ON k.asset_id = t.asset_id
     WHERE k.shot_version_id = $1 AND t.kind = 'enrol' AND t.state IN ('pending', 'leased', 'reported')
     FOR UPDATE OF t SKIP LOCKED)
  UPDATE tasks t SET state = 'cancelled' FROM open WHERE t.id = open.id RETURNING t.id`;
const LOCK_OPEN = `
  SELECT id FROM tasks WHERE project_id = $1 AND state IN ('pending', 'leased', 'reported') ORDER BY id FOR UPDATE`;
const CANCEL_ENROLMENTS = `
  UPDATE tasks SET state = 'cancelled'
   WHERE project_id = $1 AND kind = 'enrol' AND state IN ('pending', 'leased', 'reported') RETURNING id`;
const ORDER_TASKS = `
  WITH held AS MATERIALIZED (
    SELECT id FROM attempts WHERE task_id = ANY ($1::uuid[]) AND state IN ('running', 'reported') FOR UPDATE SKIP LOCKED),
  told AS (UPDATE attempts a SET "order" = $2 FROM held WHERE a.id = held.id RETURNING a.id, a.lane_id)
  SELECT id, pg_notify($3, lane_id::text)::text FROM told`;

/** What was rendered under a consent that was withdrawn is never joined, shown or handed out again. */
const QUARANTINE = `
  UPDATE segments SET quarantined_at = clock_timestamp()
  WHERE quarantined_at IS NULL AND task_id IN (SELECT id FROM tasks WHERE shot_version_id = $1)`;

/** Makes the tasks that lanes lease, and takes them back. Always in the caller's transaction. */
@Injectable()
export class TaskWriter {
  constructor(private readonly audit: AuditWriter) {}

  /**
   * Making a range of a shot version again changes nothing.
   *
   * @returns the ids of the tasks that are new
   */
  async create(sql: Sql, tasks: readonly NewTask[]): Promise<string[]> {
    const made = await sql.query<{ id: string }>(INSERT, [JSON.stringify(tasks)]);
    if (made.length > 0) await sql.query(`SELECT pg_notify($1, '')::text`, [TASKS_CHANNEL]);
    return made.map(({ id }) => id);
  }

  /**
   * Waits for claims that are just giving a project's tasks to lanes, and gives none of them until the transaction ends: what is
   * logged after this comes after every lease.
   */
  async lockOpen(sql: Sql, projectId: string): Promise<void> {
    await sql.query(LOCK_OPEN, [projectId]);
  }

  /** Cancels the reading of images of a project. @returns how many tasks */
  async cancelEnrolments(sql: Sql, projectId: string): Promise<number> {
    const tasks = await sql.query<{ id: string }>(CANCEL_ENROLMENTS, [projectId]);
    await sql.query(ORDER_TASKS, [tasks.map(({ id }) => id), 'stop', ORDERS_CHANNEL]);
    return tasks.length;
  }

  /**
   * Cancels whatever of a shot version is not settled and orders lanes at work on it to stop, which they learn at once.
   * Called by whoever holds the version's row.
   */
  async cancelOf(
    sql: Sql,
    shotVersionId: string,
    order: 'stop' | 'revoked',
    actor: string = SYSTEM_ACTOR,
  ): Promise<void> {
    const checks = await sql.query<{ id: string }>(CANCEL_CHECKS, [shotVersionId]);
    const ids = checks.map(({ id }) => id);
    const told = await sql.query<{ id: string }>(ORDER_TASKS, [ids, order, ORDERS_CHANNEL]);
    const tasks = [...(await sql.query(CANCEL_TASKS, [shotVersionId])), ...checks];
    const ordered = await sql.query<{ id: string }>(ORDER_ATTEMPTS, [shotVersionId, order, ORDERS_CHANNEL]);
    const attempts = [...ordered, ...told];
    if (order === 'revoked') await sql.query(QUARANTINE, [shotVersionId]);
    if (tasks.length === 0 && attempts.length === 0) return;
    const [shot] = await sql.query<{ shotId: string; projectId: string }>(
      `SELECT s.id AS "shotId", s.project_id AS "projectId" FROM shot_versions v JOIN shots s ON s.id = v.shot_id WHERE v.id = $1`,
      [shotVersionId],
    );
    await this.audit.append(sql, {
      actor,
      action: 'tasks.cancelled',
      subjectType: 'ShotVersion',
      subjectId: shotVersionId,
      projectId: shot?.projectId ?? null,
      shotId: shot?.shotId ?? null,
      data: { order, tasks: tasks.length, attempts: attempts.map(({ id }) => id) },
    });
  }
}
