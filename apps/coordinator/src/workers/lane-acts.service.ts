import { Inject, Injectable } from '@nestjs/common';
import type { RouteInput } from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { LANES_CHANNEL, ORDERS_CHANNEL } from '../shards/wake-ups.js';

/** Its work in hand goes back to the others; it learns so at once. */
const HAND_BACK = `
  WITH told AS (
    UPDATE attempts SET "order" = 'stop' WHERE lane_id = $1 AND state = 'running' AND "order" IS NULL RETURNING id)
  SELECT id, pg_notify($2, $1::text)::text FROM told`;

/** What a farm operator decides about one lane. Each at once, with its audit event; a request that it holds open ends. */
@Injectable()
export class LaneActs {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly audit: AuditWriter,
  ) {}

  /** It gets no more work; draining a drained lane is no error. */
  async drain(actor: Actor, laneId: string, { now, reason }: RouteInput<'drainLane'>['body']): Promise<void> {
    await this.#change(actor, laneId, 'lane.drained', async (sql) => {
      await sql.query('UPDATE lanes SET drained_at = coalesce(drained_at, clock_timestamp()) WHERE id = $1', [laneId]);
      const stopped = now ? await sql.query<{ id: string }>(HAND_BACK, [laneId, ORDERS_CHANNEL]) : [];
      return { now, reason: personal(reason), attempts: stopped.map(({ id }) => id) };
    });
  }

  /** It gets work again, whether it was drained or set aside for its failures. */
  async undrain(actor: Actor, laneId: string, reason: string): Promise<void> {
    await this.#change(actor, laneId, 'lane.undrained', async (sql) => {
      await sql.query(
        `UPDATE lanes SET drained_at = NULL, set_aside_until = NULL, set_aside_reason = NULL, host_faults = 0, recent_ends = '{}'
          WHERE id = $1`,
        [laneId],
      );
      return { reason: personal(reason) };
    });
  }

  async setPools(actor: Actor, laneId: string, pools: readonly string[]): Promise<void> {
    const wanted = [...new Set(pools)].toSorted();
    await this.#change(actor, laneId, 'lane.pools_set', async (sql) => {
      await sql.query('UPDATE lanes SET pools = $2::text[] WHERE id = $1', [laneId, wanted]);
      return { pools: wanted };
    });
  }

  /** @throws UnderstudyError NOT_FOUND */
  async #change(
    actor: Actor,
    laneId: string,
    action: string,
    work: (sql: Sql) => Promise<Record<string, unknown>>,
  ): Promise<void> {
    const mine = accessibleTo(actor.ability, 'operate', 'Lane');
    const found = await this.database.prisma.lane.count({ where: { AND: [{ id: laneId }, mine] } });
    if (found === 0) throw notFound('lane');
    await this.database.hotTransaction(async (sql) => {
      const data = await work(sql);
      await this.audit.append(sql, { actor: actor.label, action, subjectType: 'Lane', subjectId: laneId, data });
      await sql.query('SELECT pg_notify($1, $2)::text', [LANES_CHANNEL, laneId]);
    });
  }
}
