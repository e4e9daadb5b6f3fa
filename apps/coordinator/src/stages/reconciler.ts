import { Inject, Injectable } from '@nestjs/common';
import type { ShotState, StageName } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import type { StageQueue } from '@understudy/queue';
import { DATABASE } from '../platform/tokens.js';
import { TaskWriter } from '../shards/task-writer.js';
import { Outbox } from './outbox.js';
import { ShardEvents } from './shard-events.js';
import { STAGE_OF_STATE, WORKING_STATES } from './stage-transitions.js';
import { STAGE_QUEUE } from './stage-tokens.js';

/** Any fixed number; replicas that hold it take turns. */
const LOCK = 72_707_400;

/** What was relayed long ago tells nothing any more; a version that still stands by it is enqueued again. */
const FORGET_RELAYED = `DELETE FROM outbox WHERE relayed_at < now() - interval '7 days'`;

/** How events were delivered is of use for a while. */
const FORGET_DELIVERIES = `
  DELETE FROM webhook_deliveries WHERE state <> 'pending' AND created_at < now() - interval '30 days'`;

/**
 * Versions that wait for lanes although nothing is left to do but what was set aside. $1 seconds that
 * each stood so. A version costs some probes of an index, whatever its shards: the farm may have a million that wait. The
 * order by frame is for the planner, which without it reads the table until the first match.
 */
const SETTLED = `
  SELECT s.id, s.kind::text AS kind, s.failed, s.accepted
  FROM (
    SELECT v.id, k.kind,
      (SELECT t.id FROM tasks t WHERE t.shot_version_id = v.id AND t.kind = k.kind AND t.state = 'failed'
        ORDER BY t.start_frame LIMIT 1) AS failed,
      (SELECT t.id FROM tasks t WHERE t.shot_version_id = v.id AND t.kind = k.kind AND t.state <> 'accepted'
        AND t.state <> 'failed' ORDER BY t.start_frame LIMIT 1) AS open,
      (SELECT t.id FROM tasks t WHERE t.shot_version_id = v.id AND t.kind = k.kind AND t.state = 'accepted'
        ORDER BY t.start_frame LIMIT 1) AS accepted
    FROM shot_versions v
    CROSS JOIN LATERAL (SELECT (CASE v.state WHEN 'analysing' THEN 'analyse' ELSE 'render' END)::task_kind AS kind) k
    WHERE v.state IN ('analysing', 'rendering') AND v.state_changed_at <= now() - make_interval(secs => $1)) s
  WHERE s.open IS NULL AND (s.failed IS NOT NULL OR s.accepted IS NOT NULL)`;

/** Versions that ended and of which lanes could still lease something; $1 whether all of them are looked at. */
const LEFT_OPEN = `
  SELECT v.id, v.state::text AS state FROM shot_versions v
  WHERE v.state IN ('failed', 'cancelled', 'revoked') AND ($1::boolean OR v.state_changed_at > now() - interval '1 hour')
    AND EXISTS (SELECT 1 FROM unnest('{analyse,render}'::task_kind[]) AS k(kind)
      WHERE (SELECT true FROM tasks t WHERE t.shot_version_id = v.id AND t.kind = k.kind
               AND t.state IN ('pending', 'leased', 'reported') ORDER BY t.start_frame LIMIT 1))`;

export const RECONCILER_STATEMENTS = { SETTLED, LEFT_OPEN };

/** States whose next step a stage takes; in the others that work goes on in, lanes do. */
const STAGE_STATES = WORKING_STATES.filter((state) => STAGE_OF_STATE[state] !== undefined);

interface Standing {
  id: string;
  state: ShotState;
}

interface SettledVersion {
  id: string;
  kind: 'analyse' | 'render';
  failed: string | null;
  accepted: string | null;
}

/**
 * Compares what our own tables say must happen with what is about to happen, and makes up the difference: after a lost
 * queue, a job given up, or a process killed between two steps, work goes on by itself.
 */
@Injectable()
export class Reconciler {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(STAGE_QUEUE) private readonly queue: StageQueue,
    private readonly outbox: Outbox,
    private readonly shardEvents: ShardEvents,
    private readonly tasks: TaskWriter,
  ) {}

  /**
   * @param settledForS leaves versions alone that changed within so many seconds: their next step is on its way
   * @returns how many steps were made up; null when another replica is at it
   */
  async reconcile(settledForS: number): Promise<number | null> {
    return this.database.hotTransaction(async (sql) => {
      const [lock] = await sql.query<{ held: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS held', [LOCK]);
      if (lock?.held !== true) return null;
      const standing = await sql.query<Standing>(
        `SELECT id, state::text AS state FROM shot_versions
          WHERE state = ANY($1::shot_state[]) AND state_changed_at <= now() - make_interval(secs => $2)`,
        [STAGE_STATES, settledForS],
      );
      let madeUp = 0;
      for (const version of standing) madeUp += (await this.#goOn(sql, version)) ? 1 : 0;
      madeUp += await this.#settleTasks(sql, settledForS);
      madeUp += await this.#templates(sql, settledForS);
      madeUp += await this.#webhooks(sql, settledForS);
      madeUp += await this.#endTasks(sql, settledForS === 0);
      await sql.query(FORGET_RELAYED);
      await sql.query(FORGET_DELIVERIES);
      return madeUp;
    });
  }

  async #goOn(sql: Sql, { id, state }: Standing): Promise<boolean> {
    const stage = STAGE_OF_STATE[state];
    if (stage === undefined || (await this.#isUnderWay(sql, stage, id))) return false;
    const [still] = await sql.query('SELECT 1 FROM shot_versions WHERE id = $1 AND state = $2::shot_state', [
      id,
      state,
    ]);
    if (still === undefined) return false;
    await this.outbox.enqueue(sql, stage, id, { shotVersionId: id });
    return true;
  }

  /** A shot that waits for lanes goes on when nothing is open any more, and ends where something was set aside. */
  async #settleTasks(sql: Sql, settledForS: number): Promise<number> {
    const settled = await sql.query<SettledVersion>(SETTLED, [settledForS]);
    for (const { id: shotVersionId, kind, failed, accepted } of settled) {
      if (failed !== null) await this.shardEvents.onFailed(sql, { id: failed, kind, shotVersionId });
      else if (accepted !== null) await this.shardEvents.onAccepted(sql, { id: accepted, kind, shotVersionId });
    }
    return settled.length;
  }

  async #templates(sql: Sql, settledForS: number): Promise<number> {
    const waiting = await sql.query<{ taskId: string; state: string }>(
      `SELECT f.task_id AS "taskId", t.state::text AS state FROM face_templates f JOIN tasks t ON t.id = f.task_id
        WHERE f.state = 'pending' AND t.state IN ('accepted', 'failed')
          AND f.created_at <= now() - make_interval(secs => $1)`,
      [settledForS],
    );
    let madeUp = 0;
    for (const { taskId, state } of waiting) {
      const task = { id: taskId, kind: 'enrol' as const, shotVersionId: null };
      if (state === 'failed') await this.shardEvents.onFailed(sql, task);
      else if (await this.#isUnderWay(sql, 'template', taskId)) continue;
      else await this.shardEvents.onAccepted(sql, task);
      madeUp += 1;
    }
    return madeUp;
  }

  /** Events whose job was lost on its way. */
  async #webhooks(sql: Sql, settledForS: number): Promise<number> {
    const waiting = await sql.query<{ id: string }>(
      `SELECT d.id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
        WHERE d.state = 'pending' AND w.disabled_at IS NULL AND d.created_at <= now() - make_interval(secs => $1)
        ORDER BY d.created_at LIMIT 50`,
      [settledForS],
    );
    let madeUp = 0;
    for (const { id } of waiting) {
      if (await this.#isUnderWay(sql, 'notify', id)) continue;
      await this.outbox.enqueue(sql, 'notify', id, { webhookDeliveryId: id });
      madeUp += 1;
    }
    return madeUp;
  }

  /** Nothing is leased for a version that has ended. What ended long ago was looked at then, and again at a start. */
  async #endTasks(sql: Sql, all: boolean): Promise<number> {
    const ended = await sql.query<Standing>(LEFT_OPEN, [all]);
    for (const { id, state } of ended) {
      await sql.query('SELECT 1 FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE', [id]);
      await this.tasks.cancelOf(sql, id, state === 'revoked' ? 'revoked' : 'stop');
    }
    return ended.length;
  }

  /** Whether an intent waits for the relay, or the newest relayed one's job is still to end. */
  async #isUnderWay(sql: Sql, stage: StageName, key: string): Promise<boolean> {
    const [newest] = await sql.query<{ id: string; relayed: boolean }>(
      `SELECT id, relayed_at IS NOT NULL AS relayed FROM outbox WHERE stage = $1 AND key = $2
        ORDER BY created_at DESC, id LIMIT 1`,
      [stage, key],
    );
    if (newest === undefined) return false;
    return !newest.relayed || (await this.queue.stateOf(stage, newest.id)) === 'live';
  }
}
