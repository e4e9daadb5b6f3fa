import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TaskKind } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { type ProjectShare, URGENT_PRIORITY, type WaitingQueue } from '@understudy/policy';
import type { Lane } from './lane.js';
import { ANOTHER_CAN } from './other-workers.js';

/** A pending task whose row the transaction holds. */
export interface Candidate {
  readonly id: string;
  /** The name of the queue that it was taken from. */
  readonly queue: string;
  readonly kind: TaskKind;
  readonly shotVersionId: string | null;
  readonly assetId: string | null;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly projectId: string | null;
  readonly shotId: string | null;
  /** Lanes that failed it and stand back for a while. */
  readonly avoid: readonly string[];
  /** Workers that do not get it, because others can do it. */
  readonly avoidWorkers: readonly string[];
  /** The parity class that the shot's lanes share; null until the first of them renders. */
  readonly pinned: string | null;
  /** When the shot got into its state: what a lease names of it is the same for as long. */
  readonly stateChangedAt: Date | null;
}

export interface Leased {
  readonly attemptId: string;
  readonly epoch: number;
  readonly expiresAt: Date;
}

export interface LaneQueue extends WaitingQueue {
  /** Lanes of this class have begun it, and only they may go on. */
  readonly begun: boolean;
  /** Tells it from every other; several may be of the same shot, or of none. */
  readonly name: string;
}

export interface Queues {
  readonly projects: ReadonlyMap<string, ProjectShare>;
  readonly queues: readonly LaneQueue[];
}

/** So many tasks from the head of this queue. */
export interface Take {
  readonly queue: LaneQueue;
  readonly count: number;
}

/** In the place of a shot version's id: the queue of what belongs to none. */
export const NO_SHOT = '00000000-0000-0000-0000-000000000000';

/** Queues of each project that are looked at for one decision, and the oldest of those behind them. */
const QUEUES_A_PROJECT = 8;

const QUEUES = `
  SELECT project_id AS "projectId", weight, most_lanes AS "mostLanes", running::int AS running,
         urgent_running::int AS "urgentRunning", served_at AS "servedAt", -urgency AS priority,
         kind_rank AS "kindRank", waiting_since AS "waitingSince", queue, begun, name
  FROM task_queues($1::jsonb, $2::text[], $3, $4)`;

interface QueueRow extends Omit<ProjectShare, 'servedAtMs'> {
  servedAt: Date | null;
  priority: number;
  kindRank: number;
  waitingSince: Date;
  queue: string;
  begun: boolean;
  name: string;
}

/**
 * Held until the transaction ends, so that claims for a project that has a cap count what it has one after the other. In a statement
 * of its own: the one after it sees what the claim before it leased.
 */
const HOLD_CAPPED = `SELECT id FROM projects WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`;
const ROOM = `
  SELECT p.id, p.most_lanes - (
           SELECT count(*) FROM tasks w WHERE w.project_id = p.id AND w.state IN ('leased', 'reported'))::int AS room
    FROM projects p WHERE p.id = ANY ($1::uuid[]) AND p.most_lanes IS NOT NULL`;

/**
 * The first tasks of some queues that these lanes can do, and that one of them at least is not to avoid. A row that another
 * claim holds is passed over, so no two claims wait for each other and none takes the same. $1 queues, $2 what the lanes can
 * do, $3 their ids, $4 the worker of each; a queue is given by its place in the index, instants by their milliseconds.
 */
const TAKE = `
  SELECT q.name AS queue, t.*, v.parity_class AS pinned, v.state_changed_at AS "stateChangedAt", v.shot_id AS "shotId"
  FROM jsonb_to_recordset($1::jsonb) 
    AS q(name text, "projectId" uuid, urgency int, "kindRank" int, since timestamptz, queue uuid, count int)
  CROSS JOIN LATERAL (
    SELECT t.id, t.kind::text AS kind, t.shot_version_id AS "shotVersionId", t.asset_id AS "assetId",
           t.start_frame AS "startFrame", t.end_frame AS "endFrame", t.project_id AS "projectId",
           CASE WHEN t.avoid_until > clock_timestamp() THEN t.avoid_lanes ELSE '{}' END AS avoid,
           others.workers AS "avoidWorkers"
    FROM tasks t
    CROSS JOIN LATERAL (
      SELECT CASE WHEN t.avoid_workers <> '{}' AND ${ANOTHER_CAN} THEN t.avoid_workers ELSE '{}' END AS workers) others
    WHERE t.state = 'pending' AND NOT t.held AND t.project_id = q."projectId" AND -t.priority = q.urgency
      AND (CASE WHEN t.kind = 'render' THEN 1 ELSE 0 END) = q."kindRank" AND t.created_at = q.since
      AND coalesce(t.shot_version_id, '${NO_SHOT}'::uuid) = q.queue
      AND t.not_before <= clock_timestamp()
      AND (t.parity_class IS NULL OR t.parity_class = $2::jsonb->>'parityClass')
      AND ((t.avoid_until IS NULL OR t.avoid_until <= clock_timestamp()) AND others.workers = '{}'
        OR EXISTS (
          SELECT 1 FROM unnest($3::uuid[], $4::uuid[]) AS l(id, worker)
           WHERE (t.avoid_until IS NULL OR t.avoid_until <= clock_timestamp() OR l.id <> ALL (t.avoid_lanes))
             AND l.worker <> ALL (others.workers)))
    ORDER BY t.start_frame, t.id
    LIMIT q.count
    FOR UPDATE OF t SKIP LOCKED) t
  LEFT JOIN LATERAL (
    SELECT v.state, v.paused_at, v.waits_for, v.needs, v.parity_class, v.state_changed_at, v.shot_id FROM shot_versions v
    WHERE v.id = t."shotVersionId" LIMIT 1) v ON true
  WHERE t.kind = 'enrol'
     OR lane_can(t.kind::task_kind, v.state, v.paused_at, v.waits_for, v.parity_class, v.needs, $2::jsonb)`;

/**
 * The tasks' next epochs, their attempts, the lanes' states and when their projects were served, in one statement. That of a project is
 * written every ten seconds at most, and by one claim at a time: no claim waits for another's. $1 leases, $2 seconds, $3 their tasks,
 * $4 their lanes, $5 their projects.
 */
const LEASE = `
  WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS g("taskId" uuid, "attemptId" uuid, "laneId" uuid, consents uuid[])),
  leased AS (
    UPDATE tasks t SET state = 'leased', epoch = t.epoch + 1, error_code = NULL, error_message = NULL
    FROM given g WHERE t.id = g."taskId" AND t.id = ANY ($3::uuid[]) AND t.state = 'pending'
    RETURNING t.id, t.epoch),
  busy AS (
    UPDATE lanes l SET state = 'busy', last_seen_at = clock_timestamp()
    FROM given g WHERE l.id = g."laneId" AND l.id = ANY ($4::uuid[]) AND l.state <> 'draining'),
  unserved AS MATERIALIZED (
    SELECT p.id FROM projects p
    WHERE p.id = ANY ($5::uuid[]) AND (p.served_at IS NULL OR p.served_at < clock_timestamp() - interval '10 seconds')
    FOR NO KEY UPDATE SKIP LOCKED),
  served AS (UPDATE projects p SET served_at = clock_timestamp() FROM unserved u WHERE p.id = u.id)
  INSERT INTO attempts (id, task_id, epoch, lane_id, expires_at, consent_ids)
  SELECT g."attemptId", leased.id, leased.epoch, g."laneId", clock_timestamp() + make_interval(secs => $2), g.consents
  FROM leased JOIN given g ON g."taskId" = leased.id
  RETURNING id AS "attemptId", epoch, expires_at AS "expiresAt"`;

export const CLAIM_STATEMENTS = { QUEUES, HOLD_CAPPED, ROOM, TAKE, LEASE };

/** The statements of a claim. */
@Injectable()
export class ClaimRepository {
  /**
   * The queues that lanes like this one could work on, and whose share each counts against.
   *
   * @param passOver ids of shot versions, and names of queues
   */
  async queues(sql: Sql, lane: Pick<Lane, 'can'>, passOver: readonly string[]): Promise<Queues> {
    const rows = await sql.query<QueueRow>(QUEUES, [lane.can, passOver, QUEUES_A_PROJECT, URGENT_PRIORITY]);
    return {
      projects: new Map(
        rows.map(({ servedAt, ...share }) => [share.projectId, { ...share, servedAtMs: servedAt?.getTime() ?? null }]),
      ),
      queues: rows.map(({ queue, projectId, priority, kindRank, waitingSince, begun, name }) => ({
        id: queue,
        projectId,
        priority,
        kindRank,
        begun,
        name,
        waitingSinceMs: waitingSince.getTime(),
      })),
    };
  }

  /**
   * Of these as many as their projects' caps leave room for. Waits for claims that are just leasing for one of these projects, so it
   * comes before anything else is held; projects without a cap are not looked at.
   */
  async withinCaps(sql: Sql, takes: readonly Take[], projects: Queues['projects']): Promise<Take[]> {
    const ids = new Set(takes.map(({ queue }) => queue.projectId));
    const capped = [...ids].filter((id) => projects.get(id)?.mostLanes != null);
    if (capped.length === 0) return [...takes];
    await sql.query(HOLD_CAPPED, [capped]);
    const rows = await sql.query<{ id: string; room: number }>(ROOM, [capped]);
    const room = new Map(rows.map(({ id, room: left }) => [id, left]));
    return takes.flatMap(({ queue, count }) => {
      const left = Math.max(0, Math.min(count, room.get(queue.projectId) ?? count));
      if (room.has(queue.projectId)) room.set(queue.projectId, room.get(queue.projectId)! - left);
      return left === 0 ? [] : [{ queue, count: left }];
    });
  }

  /** @param lanes alike */
  async take(sql: Sql, takes: readonly Take[], lanes: readonly Lane[]): Promise<Candidate[]> {
    const wanted = takes.map(({ queue, count }) => ({
      name: queue.name,
      projectId: queue.projectId,
      urgency: -queue.priority,
      kindRank: queue.kindRank,
      since: new Date(queue.waitingSinceMs).toISOString(),
      queue: queue.id,
      count,
    }));
    return await sql.query<Candidate>(TAKE, [
      JSON.stringify(wanted),
      lanes[0]?.can,
      lanes.map(({ id }) => id),
      lanes.map(({ workerId }) => workerId),
    ]);
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

  /** @returns the leases, in the order of what is given */
  async lease(
    sql: Sql,
    given: readonly { task: Candidate; lane: Lane; consentIds: readonly string[] }[],
    leaseSeconds: number,
  ): Promise<Leased[]> {
    const rows = given.map(({ task, lane, consentIds }) => ({
      taskId: task.id,
      attemptId: randomUUID(),
      laneId: lane.id,
      consents: consentIds,
    }));
    const leased = await sql.query<Leased>(LEASE, [
      JSON.stringify(rows),
      leaseSeconds,
      rows.map(({ taskId }) => taskId),
      rows.map(({ laneId }) => laneId),
      [...new Set(given.map(({ task }) => task.projectId))],
    ]);
    const byAttempt = new Map(leased.map((lease) => [lease.attemptId, lease]));
    return rows.map(({ attemptId, taskId }) => {
      const lease = byAttempt.get(attemptId);
      if (lease === undefined) throw new Error(`task ${taskId} is not pending although its row is held`);
      return lease;
    });
  }
}
