import { Inject, Injectable } from '@nestjs/common';
import type { AuditEvent, Shot, ShotTask } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { type Action, asSubject } from '@understudy/policy';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { PersonalData } from '../audit/personal-data.js';
import { type PageQuery, pageArguments, pageOf } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';
import { asShot, newestVersions, type ShotHead } from './shot-row.js';
import { readPosition, writePosition } from './position.js';

const HEAD = {
  id: true,
  projectId: true,
  name: true,
  batch: { select: { id: true, name: true } },
  project: { select: { name: true } },
} as const;

interface ShotQuery extends PageQuery {
  readonly projectId?: string | undefined;
  readonly batchId?: string | undefined;
}

interface Listed<Item> {
  items: Item[];
  next: string | null;
}

interface TaskRow extends Omit<ShotTask, 'attempts'> {
  attempts: ShotTask['attempts'] | null;
}

/** Shots as they are read; each query bears the actor's own conditions. */
@Injectable()
export class ShotRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly personal: PersonalData,
  ) {}

  /** @throws UnderstudyError NOT_FOUND for a shot that is not there, or not the actor's to do this with */
  async find(actor: Actor, action: Action, shotId: string): Promise<ShotHead> {
    const mine = accessibleTo(actor.ability, action, 'Shot');
    const shot = await this.database.prisma.shot.findFirst({ where: { AND: [{ id: shotId }, mine] }, select: HEAD });
    if (shot === null) throw notFound('shot');
    return shot;
  }

  /** The shots of a batch. @throws UnderstudyError NOT_FOUND where none of them is the actor's to do this with */
  async ofBatch(actor: Actor, action: Action, batchId: string): Promise<[ShotHead, ...ShotHead[]]> {
    const mine = accessibleTo(actor.ability, action, 'Shot');
    const [first, ...others] = await this.database.prisma.shot.findMany({
      where: { AND: [{ batchId }, mine] },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      select: HEAD,
    });
    if (first === undefined) throw notFound('batch');
    return [first, ...others];
  }

  async show(head: ShotHead): Promise<Shot> {
    const version = (await newestVersions(this.database, [head.id])).get(head.id);
    if (version === undefined) throw notFound('shot');
    return asShot(head, version);
  }

  async list(actor: Actor, query: ShotQuery): Promise<Listed<Shot>> {
    const { where, ...rest } = pageArguments(query);
    const mine = accessibleTo(actor.ability, 'read', 'Shot');
    const { projectId, batchId } = query;
    const wanted = { ...(projectId === undefined ? {} : { projectId }), ...(batchId === undefined ? {} : { batchId }) };
    const heads = await this.database.prisma.shot.findMany({
      where: { AND: [mine, wanted, where, { versions: { some: {} } }] },
      ...rest,
      select: { ...HEAD, createdAt: true },
    });
    const versions = await newestVersions(
      this.database,
      heads.map(({ id }) => id),
    );
    return pageOf(heads, query, (head) => {
      const version = versions.get(head.id);
      if (version === undefined) throw notFound('shot');
      return asShot(head, version);
    });
  }

  /** Tasks of the newest version, by kind and frame, each with its attempts from the first. */
  async tasks(shotId: string, { limit, cursor }: PageQuery): Promise<Listed<ShotTask>> {
    const [kind, startFrame] = cursor === undefined ? [null, 0] : readPosition(cursor);
    const rows = await this.database.query<TaskRow>(
      `SELECT t.id, t.kind::text AS kind, t.start_frame AS "startFrame", t.end_frame AS "endFrame", t.state::text AS state,
              t.epoch, t.error_message AS error,
              CASE WHEN t.state = 'accepted' THEN t.end_frame - t.start_frame
                   ELSE coalesce((SELECT p.frames_done FROM attempts p WHERE p.task_id = t.id AND p.epoch = t.epoch
                                     AND p.state IN ('running', 'reported')), 0) END AS "framesDone",
              (SELECT jsonb_agg(jsonb_build_object('id', p.id, 'epoch', p.epoch, 'state', p.state,
                        'lane', l.host || '/' || l.ordinal, 'leasedAt', p.leased_at, 'endedAt', p.ended_at,
                        'framesDone', p.frames_done, 'error', p.error_message) ORDER BY p.epoch)
                 FROM attempts p JOIN lanes l ON l.id = p.lane_id WHERE p.task_id = t.id) AS attempts
         FROM tasks t
        WHERE t.shot_version_id = (SELECT id FROM shot_versions WHERE shot_id = $1 ORDER BY version DESC LIMIT 1)
          AND ($2::text IS NULL OR (t.kind, t.start_frame) > ($2::task_kind, $3::int))
        ORDER BY t.kind, t.start_frame LIMIT $4`,
      [shotId, kind, startFrame, limit + 1],
    );
    const items = rows.slice(0, limit).map((row) => ({ ...row, attempts: (row.attempts ?? []).map(withInstants) }));
    const last = items.at(-1);
    const next = rows.length > limit && last !== undefined ? writePosition(last.kind, last.startFrame) : null;
    return { items, next };
  }

  /** The audit log's lines about a shot, newest first. What people typed into them is for who may read the log itself. */
  async events(actor: Actor, { id, projectId }: ShotHead, { limit, cursor }: PageQuery): Promise<Listed<AuditEvent>> {
    const [, before] = cursor === undefined ? [null, Number.MAX_SAFE_INTEGER] : readPosition(cursor);
    const rows = await this.database.query<{ sequence: bigint; id: string; canonical: string }>(
      'SELECT sequence, id, canonical FROM audit_events WHERE shot_id = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3',
      [id, before, limit + 1],
    );
    const opened = actor.ability.can('read', asSubject('AuditEvent', { projectId }));
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: await this.personal.shown(shown, { opened }),
      next: rows.length > limit && last !== undefined ? writePosition('event', Number(last.sequence)) : null,
    };
  }
}

/** JSON in SQL writes instants with an offset and microseconds; the API's have neither. */
function withInstants(attempt: ShotTask['attempts'][number]): ShotTask['attempts'][number] {
  const iso = (text: string): string => new Date(text).toISOString();
  return {
    ...attempt,
    leasedAt: iso(attempt.leasedAt),
    endedAt: attempt.endedAt === null ? null : iso(attempt.endedAt),
  };
}
