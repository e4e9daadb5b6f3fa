import { Injectable } from '@nestjs/common';
import { type ShotState, UnderstudyError } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { ORDERS_CHANNEL, TASKS_CHANNEL } from '../shards/wake-ups.js';

export interface SchedulingVersion {
  readonly id: string;
  readonly state: ShotState;
  readonly priority: number;
  readonly paused: boolean;
}

/**
 * Attempts at less urgent work, on lanes that could do version $1's waiting tasks: at most as many as wait, least urgent
 * first, of these the youngest, which lose least. Rows that somebody else holds are ending anyway.
 */
const YIELD = `
  WITH wanted AS (
    SELECT t.kind, count(*)::int AS count FROM tasks t WHERE t.shot_version_id = $1 AND t.state = 'pending' GROUP BY t.kind),
  urgent AS (
    SELECT v.parity_class, v.needs, v.state, v.paused_at, v.waits_for FROM shot_versions v WHERE v.id = $1),
  giving AS MATERIALIZED (
    SELECT a.id, a.lane_id FROM attempts a
    JOIN tasks t ON t.id = a.task_id JOIN lanes l ON l.id = a.lane_id JOIN workers k ON k.id = l.worker_id
    WHERE a.state = 'running' AND a."order" IS NULL AND t.priority < $2 AND l.drained_at IS NULL
      AND (NOT k.tied OR (
        SELECT s.project_id FROM shot_versions v JOIN shots s ON s.id = v.shot_id WHERE v.id = $1) = ANY (k.projects))
      AND EXISTS (
        SELECT 1 FROM wanted w, urgent u
        WHERE l.capabilities->'kinds' ? w.kind::text
          AND lane_can(w.kind, u.state, u.paused_at, u.waits_for, u.parity_class, u.needs, jsonb_build_object(
            'parityClass', l.parity_class, 'pools', to_jsonb(l.pools), 'vramMiB', l.capabilities->'vramMiB',
            'computeCapability', coalesce(l.capabilities->'computeCapability', '0'), 'models', l.capabilities->'packs',
            'provider', l.capabilities->'parityClass'->'provider', 'precision', l.capabilities->'parityClass'->'precision')))
    ORDER BY t.priority, a.leased_at DESC
    LIMIT (SELECT coalesce(sum(count), 0) FROM wanted)
    FOR UPDATE OF a SKIP LOCKED),
  told AS (
    UPDATE attempts a SET "order" = 'stop' FROM giving g WHERE a.id = g.id RETURNING a.id, a.lane_id)
  SELECT id, pg_notify($3, lane_id::text)::text FROM told`;

/** What a shot's place among the others is made of. Always in the caller's transaction. */
@Injectable()
export class SchedulingRepository {
  /** The newest version, its row held. @throws UnderstudyError NOT_FOUND */
  async newest(sql: Sql, shotId: string): Promise<SchedulingVersion> {
    const [row] = await sql.query<SchedulingVersion>(
      `SELECT id, state::text AS state, priority, paused_at IS NOT NULL AS paused FROM shot_versions
        WHERE shot_id = $1 ORDER BY version DESC LIMIT 1 FOR NO KEY UPDATE`,
      [shotId],
    );
    if (row === undefined) throw new UnderstudyError('NOT_FOUND', 'There is no such shot.');
    return row;
  }

  async pause(sql: Sql, shotVersionId: string, paused: boolean): Promise<void> {
    await sql.query(
      'UPDATE shot_versions SET paused_at = CASE WHEN $2::boolean THEN clock_timestamp() END WHERE id = $1',
      [shotVersionId, paused],
    );
  }

  /** Of what waits too, so that the next claim sees it, and of what is at work and may have to wait again. */
  async setPriority(sql: Sql, shotVersionId: string, priority: number): Promise<void> {
    await sql.query('UPDATE shot_versions SET priority = $2 WHERE id = $1', [shotVersionId, priority]);
    await sql.query(
      `UPDATE tasks SET priority = $2 WHERE shot_version_id = $1 AND state IN ('pending', 'leased', 'reported') AND priority <> $2`,
      [shotVersionId, priority],
    );
  }

  /** @returns the attempts that were told to hand their work back */
  async makeYield(sql: Sql, shotVersionId: string, priority: number): Promise<string[]> {
    const told = await sql.query<{ id: string }>(YIELD, [shotVersionId, priority, ORDERS_CHANNEL]);
    return told.map(({ id }) => id);
  }

  async work(sql: Sql, shotVersionId: string): Promise<Record<'analyse' | 'render', { total: number; open: number }>> {
    const rows = await sql.query<{ kind: 'analyse' | 'render'; total: number; open: number }>(
      `SELECT kind::text AS kind, count(*)::int AS total, (count(*) FILTER (WHERE state <> 'accepted'))::int AS open
         FROM tasks WHERE shot_version_id = $1 GROUP BY kind`,
      [shotVersionId],
    );
    const of = (kind: string) => rows.find((row) => row.kind === kind) ?? { total: 0, open: 0 };
    return { analyse: of('analyse'), render: of('render') };
  }

  /** What failed or was taken back waits again, with its failures forgotten. */
  async reopenTasks(sql: Sql, shotVersionId: string, kind: 'analyse' | 'render'): Promise<void> {
    await sql.query(
      `UPDATE tasks SET state = 'pending', failures = 0, not_before = clock_timestamp(), error_code = NULL,
              error_message = NULL, avoid_lanes = '{}', avoid_until = NULL, forgiven_epoch = epoch
        WHERE shot_version_id = $1 AND kind = $2::task_kind AND state IN ('failed', 'cancelled')`,
      [shotVersionId, kind],
    );
    await sql.query(`SELECT pg_notify($1, '')::text`, [TASKS_CHANNEL]);
  }

  /** The failure locked what was joined; it is joined and verified anew. */
  async unlockDelivery(sql: Sql, shotVersionId: string): Promise<void> {
    await sql.query(`UPDATE deliveries SET state = 'verifying' WHERE shot_version_id = $1 AND state = 'locked'`, [
      shotVersionId,
    ]);
  }
}
