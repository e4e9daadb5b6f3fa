import { Inject, Injectable } from '@nestjs/common';
import type { Batch, ShotState } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { type PageQuery, pageArguments, pageOf } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';
import { LANE_SECONDS, type LaneSeconds, SECONDS } from './outlook.repository.js';

export interface StateCount {
  readonly state: ShotState;
  readonly shots: number;
  readonly frames: number;
  /** Whose frames were not counted yet. */
  readonly uncounted: number;
}

export interface BatchWork {
  readonly total: number;
  readonly accepted: number;
  readonly waiting: number;
  readonly running: number;
  /** Of shots that were not given up, and of those of them that still render. */
  readonly framesRendered: number;
  readonly framesOfRendering: number;
  /** Of all frames those that a lane made for this batch, and the lane seconds that they took. */
  readonly framesAccepted: number;
  readonly acceptedSeconds: number;
}

const NEWEST = `
  SELECT DISTINCT ON (v.shot_id) v.shot_id, v.id, v.state, v.frames FROM shot_versions v
   WHERE v.shot_id = ANY ($1::uuid[]) ORDER BY v.shot_id, v.version DESC`;

/** The shots of a batch, taken together. */
@Injectable()
export class BatchRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async list(
    actor: Actor,
    query: PageQuery & { projectId?: string | undefined },
  ): Promise<{ items: Batch[]; next: string | null }> {
    const { where, ...rest } = pageArguments(query);
    const mine = accessibleTo(actor.ability, 'read', 'Shot');
    const wanted = query.projectId === undefined ? {} : { projectId: query.projectId };
    const rows = await this.database.prisma.batch.findMany({
      where: { AND: [wanted, where, { shots: { some: mine } }] },
      ...rest,
      select: { id: true, projectId: true, name: true, createdAt: true, _count: { select: { shots: true } } },
    });
    return pageOf(rows, query, ({ _count, createdAt, ...batch }) => ({
      ...batch,
      shots: _count.shots,
      createdAt: createdAt.toISOString(),
    }));
  }

  async states(shotIds: readonly string[]): Promise<StateCount[]> {
    return await this.database.query<StateCount>(
      `SELECT n.state::text AS state, count(*)::int AS shots, coalesce(sum(n.frames), 0)::int AS frames,
              (count(*) FILTER (WHERE n.frames IS NULL))::int AS uncounted
         FROM (${NEWEST}) n GROUP BY n.state ORDER BY n.state`,
      [shotIds],
    );
  }

  /** What lanes have rendered of the newest versions, and have still to. */
  async rendering(shotIds: readonly string[]): Promise<BatchWork> {
    const [row] = await this.database.query<BatchWork>(
      `SELECT count(*)::int AS total, (count(*) FILTER (WHERE t.state = 'accepted'))::int AS accepted,
              (count(*) FILTER (WHERE t.state = 'pending'))::int AS waiting,
              (count(*) FILTER (WHERE t.state IN ('leased', 'reported')))::int AS running,
              coalesce(sum(d.frames) FILTER (WHERE n.state NOT IN ('failed', 'cancelled', 'revoked')), 0)::int
                AS "framesRendered",
              coalesce(sum(d.frames) FILTER (WHERE n.state = 'rendering'), 0)::int AS "framesOfRendering",
              coalesce(sum(t.end_frame - t.start_frame) FILTER (WHERE a.id IS NOT NULL), 0)::int AS "framesAccepted",
              coalesce(sum(${SECONDS}) FILTER (WHERE a.id IS NOT NULL), 0)::float8 AS "acceptedSeconds"
         FROM (${NEWEST}) n JOIN tasks t ON t.shot_version_id = n.id AND t.kind = 'render'
         LEFT JOIN attempts a ON a.task_id = t.id AND a.state = 'accepted'
         LEFT JOIN attempts p ON p.task_id = t.id AND p.state IN ('running', 'reported')
         CROSS JOIN LATERAL (SELECT CASE WHEN t.state = 'accepted' THEN t.end_frame - t.start_frame
                                         ELSE coalesce(p.frames_done, 0) END AS frames) d`,
      [shotIds],
    );
    return row as BatchWork;
  }

  /** Of every version of the shots. */
  async laneSeconds(shotIds: readonly string[]): Promise<LaneSeconds> {
    const [row] = await this.database.query<LaneSeconds>(
      `SELECT ${LANE_SECONDS} FROM shot_versions v JOIN tasks t ON t.shot_version_id = v.id
         JOIN attempts a ON a.task_id = t.id WHERE v.shot_id = ANY ($1::uuid[])`,
      [shotIds],
    );
    return row as LaneSeconds;
  }

  /** Shots of which something waits for a lane, at most so many. */
  async waiting(shotIds: readonly string[], limit: number): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT n.shot_id AS id FROM (${NEWEST}) n
        WHERE n.state IN ('analysing', 'rendering')
          AND EXISTS (SELECT 1 FROM tasks t WHERE t.shot_version_id = n.id AND t.state = 'pending') LIMIT $2`,
      [shotIds, limit],
    );
    return rows.map(({ id }) => id);
  }
}
