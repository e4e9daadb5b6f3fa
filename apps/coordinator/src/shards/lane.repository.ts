import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { LaneCapabilities, Order } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { RECENT_ENDS } from '@understudy/policy';
import { type Lane, type LaneDescription, laneOf, parityLine } from './lane.js';

/** Of lane `l` of worker `w`: it gets no work. */
export const OFF_LANE = `(l.drained_at IS NOT NULL OR coalesce(l.set_aside_until > clock_timestamp(), false)
    OR w.disabled_at IS NOT NULL OR (w.needs_approval AND w.approved_by IS NULL))`;

const SEEN = `
  UPDATE lanes l SET last_seen_at = clock_timestamp(), state = CASE WHEN l.state = 'lost' THEN 'idle' ELSE l.state END
  FROM workers w WHERE w.id = l.worker_id AND l.id = ANY ($1::uuid[])
  RETURNING l.id, l.worker_id AS "workerId", l.capabilities, l.parity_class AS "parityClass", l.pools, ${OFF_LANE} AS "isOff",
    CASE WHEN w.tied THEN w.projects::text[] END AS projects`;

/** The end of an attempt that made something, among those that failed. */
export const MADE = '00000000-0000-0000-0000-000000000000';

/** What a lane makes pushes what it failed out of what is looked at; of one that failed nothing nothing is kept. */
const FREE = `
  UPDATE lanes l SET state = 'idle', last_seen_at = clock_timestamp(),
    host_faults = CASE WHEN $2 THEN 0 ELSE host_faults END,
    recent_ends = CASE WHEN $2 AND recent_ends <> '{}'
      THEN (recent_ends || '${MADE}'::uuid)[greatest(1, cardinality(recent_ends) + 2 - ${RECENT_ENDS}):] ELSE recent_ends END
  WHERE id = ANY ($1::uuid[]) AND state = 'busy'
    AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.lane_id = l.id AND a.state IN ('running', 'reported'))`;

export const LANE_STATEMENTS = { SEEN, FREE };

@Injectable()
export class LaneRepository {
  /** A lane is known by its worker, host and number: registering it again brings its capabilities up to date. */
  async register(
    sql: Sql,
    workerId: string,
    lane: { ordinal: number; host: string; capabilities: LaneCapabilities },
  ): Promise<string> {
    const [row] = await sql.query<{ id: string }>(
      `INSERT INTO lanes (id, worker_id, ordinal, host, capabilities, parity_class, state, last_seen_at)
       VALUES ($1, $2, $3, $4, $5::jsonb, $6, 'idle', clock_timestamp())
       ON CONFLICT (worker_id, host, ordinal) DO UPDATE
         SET capabilities = excluded.capabilities, parity_class = excluded.parity_class, state = 'idle',
             last_seen_at = excluded.last_seen_at
       RETURNING id`,
      [
        randomUUID(),
        workerId,
        lane.ordinal,
        lane.host,
        JSON.stringify(lane.capabilities),
        parityLine(lane.capabilities.parityClass),
      ],
    );
    await sql.query(
      'UPDATE workers SET preparing = NULL, preparing_at = NULL WHERE id = $1 AND preparing IS NOT NULL',
      [workerId],
    );
    return row!.id;
  }

  /** What its worker does before a lane can register. */
  async preparing(sql: Sql, workerId: string, step: string): Promise<void> {
    await sql.query('UPDATE workers SET preparing = $2, preparing_at = clock_timestamp() WHERE id = $1', [
      workerId,
      step,
    ]);
  }

  /** The workers' lanes, marked as alive; at its place none where the worker has no such lane. */
  async seen(sql: Sql, asked: readonly { workerId: string; laneId: string }[]): Promise<(Lane | undefined)[]> {
    const rows = await sql.query<LaneDescription>(SEEN, [asked.map(({ laneId }) => laneId)]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return asked.map(({ workerId, laneId }) => {
      const row = byId.get(laneId);
      return row?.workerId === workerId ? laneOf(row) : undefined;
    });
  }

  /** Lanes without an attempt at work have nothing to do. @param made whether they made something that counts */
  async freeIfDone(sql: Sql, laneIds: readonly string[], made: boolean): Promise<void> {
    await sql.query(FREE, [laneIds, made]);
  }

  async standingOrders(sql: Sql, laneId: string): Promise<{ attemptId: string; epoch: number; order: Order }[]> {
    return await sql.query(
      `SELECT id AS "attemptId", epoch, "order" FROM attempts
       WHERE lane_id = $1 AND state = 'running' AND "order" IS NOT NULL`,
      [laneId],
    );
  }

  /** @returns how many lanes were not heard of for so long */
  async markLost(sql: Sql, afterSeconds: number): Promise<number> {
    const rows = await sql.query(
      `UPDATE lanes SET state = 'lost'
       WHERE state <> 'lost' AND last_seen_at < clock_timestamp() - make_interval(secs => $1) RETURNING id`,
      [afterSeconds],
    );
    return rows.length;
  }
}
