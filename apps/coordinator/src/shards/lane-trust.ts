import { Inject, Injectable } from '@nestjs/common';
import type { ErrorCode } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { AVOID_MS, hostPauseSeconds, isBadHost, type LaneRecord, RECENT_ENDS, SET_ASIDE_MS } from '@understudy/policy';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { ABLE_LANES } from './able-lanes.js';
import type { Attempt } from './attempt.js';
import { LaneRepository, MADE } from './lane.repository.js';
import { LANES_CHANNEL } from './wake-ups.js';

/**
 * Lane $2, or with $4 all lanes of its host, stand back from task $1 for $3 seconds. Avoided by all who could do it, it is
 * avoided by nobody.
 */
const AVOID = `
  WITH own AS (SELECT worker_id, host FROM lanes WHERE id = $2),
  avoided AS (
    SELECT CASE WHEN t.avoid_until > clock_timestamp() THEN t.avoid_lanes ELSE '{}' END || ARRAY(
      SELECT l.id FROM lanes l, own WHERE l.id = $2 OR $4 AND l.worker_id = own.worker_id AND l.host = own.host) AS lanes
    FROM tasks t WHERE t.id = $1),
  others AS (SELECT EXISTS (SELECT FROM (${ABLE_LANES}) o, avoided a WHERE NOT o.id = ANY (a.lanes)) AS left)
  UPDATE tasks t
  SET avoid_lanes = CASE WHEN others.left THEN avoided.lanes ELSE '{}' END,
      avoid_until = CASE WHEN others.left THEN clock_timestamp() + make_interval(secs => $3) END
  FROM avoided, others WHERE t.id = $1 RETURNING others.left AS "othersLeft"`;

/** Task $1 is among what lane $2 failed lately. */
const REMEMBER = `
  WITH lane AS (
    UPDATE lanes SET recent_ends = (recent_ends || $1::uuid)[greatest(1, cardinality(recent_ends) + 2 - ${RECENT_ENDS}):]
    WHERE id = $2 RETURNING recent_ends),
  failed AS (
    SELECT t.id, t.shot_version_id FROM tasks t, lane WHERE t.id = ANY (lane.recent_ends) AND t.id <> '${MADE}')
  SELECT (SELECT count(*)::int FROM failed) AS "failedTasks",
         (SELECT count(DISTINCT shot_version_id)::int FROM failed) AS "failedShots",
         EXISTS (SELECT 1 FROM tasks k WHERE k.shot_version_id IN (SELECT shot_version_id FROM failed)
                   AND k.state = 'accepted') AS "othersSucceed",
         (SELECT count(*)::int FROM (${ABLE_LANES}) o WHERE o.id <> $2) AS "otherLanes"`;

/** All lanes of lane $1's host that are not set aside yet. Rows that somebody holds are passed over: nobody waits in a ring. */
const HOST_ASIDE = `
  WITH held AS MATERIALIZED (
    SELECT l.id FROM lanes l JOIN lanes own ON own.id = $1 AND l.worker_id = own.worker_id AND l.host = own.host
    WHERE NOT coalesce(l.set_aside_until > clock_timestamp(), false)
    ORDER BY l.id FOR NO KEY UPDATE OF l SKIP LOCKED),
  aside AS (
    UPDATE lanes l SET set_aside_until = clock_timestamp() + make_interval(secs => $3), set_aside_reason = $2,
      host_faults = l.host_faults + 1
    FROM held WHERE l.id = held.id RETURNING l.id)
  SELECT id, pg_notify($4, id::text)::text FROM aside`;

/** Keeps work from lanes that fail it, and lanes that fail much from work; both for a while. */
@Injectable()
export class LaneTrust {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly lanes: LaneRepository,
    private readonly audit: AuditWriter,
  ) {}

  /** Its attempt ended without a result: it has nothing to do, unless it has another. */
  async free(sql: Sql, laneId: string): Promise<void> {
    await this.lanes.freeIfDone(sql, [laneId], false);
  }

  /**
   * In the transaction that ends the attempt, after its own row changed: the lane stands back from the task; its whole host
   * where that is wanted and there is another.
   *
   * @returns whether another lane is there that could do it
   */
  async avoid(sql: Sql, attempt: Attempt, wholeHost = false): Promise<boolean> {
    if (wholeHost && (await this.#avoid(sql, attempt, true))) return true;
    return this.#avoid(sql, attempt, false);
  }

  async #avoid(sql: Sql, { laneId, taskId }: Attempt, wholeHost: boolean): Promise<boolean> {
    const [row] = await sql.query<{ othersLeft: boolean }>(AVOID, [taskId, laneId, AVOID_MS / 1000, wholeHost]);
    return row?.othersLeft === true;
  }

  /** Sets a lane aside that failed several tasks lately. */
  async remember(sql: Sql, { laneId, taskId }: Attempt, reason: ErrorCode): Promise<void> {
    const [record] = await sql.query<LaneRecord>(REMEMBER, [taskId, laneId]);
    if (record === undefined || !isBadHost(record)) return;
    await sql.query(
      `UPDATE lanes SET set_aside_until = clock_timestamp() + make_interval(secs => $2), set_aside_reason = $3, recent_ends = '{}'
        WHERE id = $1`,
      [laneId, SET_ASIDE_MS / 1000, reason],
    );
    const { failedTasks, failedShots } = record;
    await this.#told(sql, laneId, { code: reason, failedTasks, failedShots, minutes: SET_ASIDE_MS / 60_000 });
    await sql.query('SELECT pg_notify($1, $2)::text', [LANES_CHANNEL, laneId]);
  }

  /** No lane of this host gets work for a while. */
  async setHostAside(sql: Sql, { laneId }: Attempt, reason: ErrorCode): Promise<void> {
    const [own] = await sql.query<{ times: number }>('SELECT host_faults AS times FROM lanes WHERE id = $1', [laneId]);
    const seconds = hostPauseSeconds(this.config.HOST_PAUSE_SECONDS, own?.times ?? 0);
    const aside = await sql.query(HOST_ASIDE, [laneId, reason, seconds, LANES_CHANNEL]);
    if (aside.length > 0) await this.#told(sql, laneId, { code: reason, lanes: aside.length, seconds });
  }

  async #told(sql: Sql, laneId: string, data: Record<string, unknown>): Promise<void> {
    const subject = { subjectType: 'Lane', subjectId: laneId };
    await this.audit.append(sql, { actor: SYSTEM_ACTOR, action: 'lane.set_aside', ...subject, data });
  }
}
