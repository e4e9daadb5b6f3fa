import { Injectable } from '@nestjs/common';
import type { Sql } from '@understudy/db';
import { AVOID_MS, isBadHost, type LaneRecord, SET_ASIDE_MS } from '@understudy/policy';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Attempt } from './attempt.js';
import { LaneRepository } from './lane.repository.js';
import { LANES_CHANNEL } from './wake-ups.js';

/** Other lanes that could do what lane $1 can, and are there to do it. */
const OTHERS = `
  SELECT l.id FROM lanes l JOIN lanes own ON own.id = $1
  WHERE l.id <> own.id AND l.parity_class = own.parity_class AND l.capabilities->'kinds' ? $2 AND l.state <> 'lost'
    AND l.last_seen_at > clock_timestamp() - interval '45 seconds' AND l.drained_at IS NULL
    AND NOT coalesce(l.set_aside_until > clock_timestamp(), false)`;

/** Avoided by all who could do it, it is avoided by nobody. */
const AVOID = `
  UPDATE tasks t
  SET avoid_lanes = CASE WHEN others.left THEN array_append(t.avoid_lanes, $1) ELSE '{}' END,
      avoid_until = CASE WHEN others.left THEN clock_timestamp() + make_interval(secs => $4) END
  FROM (SELECT EXISTS (SELECT 1 FROM (${OTHERS}) o, tasks k WHERE k.id = $3 AND NOT o.id = ANY (k.avoid_lanes)) AS left) others
  WHERE t.id = $3`;

const REMEMBER = `
  WITH lane AS (
    UPDATE lanes SET failed_tasks = CASE WHEN $3 = ANY (failed_tasks) THEN failed_tasks ELSE array_append(failed_tasks, $3) END
    WHERE id = $1 RETURNING failed_tasks),
  failed AS (
    SELECT t.id, t.shot_version_id FROM tasks t, lane WHERE t.id = ANY (lane.failed_tasks))
  SELECT (SELECT count(*)::int FROM failed) AS "failedTasks",
         (SELECT count(DISTINCT shot_version_id)::int FROM failed) AS "failedShots",
         EXISTS (SELECT 1 FROM tasks k WHERE k.shot_version_id IN (SELECT shot_version_id FROM failed)
                   AND k.state = 'accepted') AS "othersSucceed",
         (SELECT count(*)::int FROM (${OTHERS}) o) AS "otherLanes"`;

/** Keeps work from lanes that fail it, and lanes that fail much from work; both for a while. */
@Injectable()
export class LaneTrust {
  constructor(
    private readonly lanes: LaneRepository,
    private readonly audit: AuditWriter,
  ) {}

  /** Its attempt ended without a result: it has nothing to do, unless it has another. */
  async free(sql: Sql, laneId: string): Promise<void> {
    await this.lanes.freeIfDone(sql, [laneId], false);
  }

  /** In the transaction that ends the attempt as failed, after its own row changed. */
  async afterFailure(sql: Sql, { laneId, taskId, kind }: Attempt): Promise<void> {
    await sql.query(AVOID, [laneId, kind, taskId, AVOID_MS / 1000]);
    const [record] = await sql.query<LaneRecord>(REMEMBER, [laneId, kind, taskId]);
    if (record === undefined || !isBadHost(record)) return;
    await sql.query(
      `UPDATE lanes SET set_aside_until = clock_timestamp() + make_interval(secs => $2), failed_tasks = '{}' WHERE id = $1`,
      [laneId, SET_ASIDE_MS / 1000],
    );
    await this.audit.append(sql, {
      actor: SYSTEM_ACTOR,
      action: 'lane.set_aside',
      subjectType: 'Lane',
      subjectId: laneId,
      data: { failedTasks: record.failedTasks, failedShots: record.failedShots, minutes: SET_ASIDE_MS / 60_000 },
    });
    await sql.query('SELECT pg_notify($1, $2)::text', [LANES_CHANNEL, laneId]);
  }
}
