import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { RouteInput } from '@understudy/contracts';
import { type Database, RecordSeals, sealRows, type Sql } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { pageArguments } from '../platform/paging.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';

export interface ErasureRow {
  readonly id: string;
  readonly projectId: string | null;
  readonly eventIds: string[];
  readonly reason: string;
  readonly askedBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** Neither decided nor over. */
  readonly isWaiting: boolean;
}

export type WaitingErasure = Omit<ErasureRow, 'isWaiting'>;

/** As many as one erasure takes; the table says so too. */
export const MOST_EVENTS = 1000;
/** One that nobody approves runs out. */
const WAIT_DAYS = 7;

const COLUMNS = `
  id, project_id AS "projectId", event_ids::text[] AS "eventIds", reason, asked_by AS "askedBy", created_at AS "createdAt",
  expires_at AS "expiresAt", decided_at IS NULL AND expires_at > now() AS "isWaiting"`;

/** Of what is about somebody: what they did, what was done to them, and to consents of theirs. */
const WITH_OPENINGS = `
  SELECT DISTINCT e.id FROM audit_personal p JOIN audit_events e ON e.id = p.event_id
   WHERE e.project_id IS NOT DISTINCT FROM $1::uuid
     AND (e.id = ANY ($2::uuid[]) OR e.actor = 'user:' || $3 OR e.subject_id = $3 OR e.shot_id::text = $3
       OR (e.subject_type = 'Consent' AND e.subject_id IN (SELECT c.id::text FROM consents c WHERE c.performer_id::text = $3)))
   ORDER BY e.id LIMIT ${MOST_EVENTS + 1}`;

@Injectable()
export class ErasureRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly seals: RecordSeals,
  ) {}

  async isProject(sql: Sql, projectId: string): Promise<boolean> {
    return (await sql.query('SELECT 1 FROM projects WHERE id = $1::uuid', [projectId])).length > 0;
  }

  /** Whether all of these events are there, and of this project. */
  async areOf(sql: Sql, projectId: string | null, eventIds: readonly string[]): Promise<boolean> {
    const wanted = [...new Set(eventIds)];
    const rows = await sql.query(
      'SELECT 1 FROM audit_events WHERE id = ANY ($2::uuid[]) AND project_id IS NOT DISTINCT FROM $1::uuid',
      [projectId, wanted],
    );
    return rows.length === wanted.length;
  }

  /** Ids of those asked for in which people typed something that is still there; at most one more than an erasure takes. */
  async eventsWithOpenings(
    sql: Sql,
    { projectId, eventIds, about }: RouteInput<'askErasure'>['body'],
  ): Promise<string[]> {
    const rows = await sql.query<{ id: string }>(WITH_OPENINGS, [projectId, eventIds, about ?? null]);
    return rows.map(({ id }) => id);
  }

  async make(
    sql: Sql,
    { projectId, eventIds, reason, askedBy }: Pick<ErasureRow, 'projectId' | 'eventIds' | 'reason' | 'askedBy'>,
  ): Promise<ErasureRow> {
    const id = randomUUID();
    const [row] = await sql.query<ErasureRow>(
      `INSERT INTO audit_erasures (id, project_id, event_ids, reason, asked_by, expires_at)
       VALUES ($1::uuid, $2::uuid, $3::uuid[], $4, $5::uuid, now() + make_interval(days => ${WAIT_DAYS})) RETURNING ${COLUMNS}`,
      [id, projectId, eventIds, reason, askedBy],
    );
    if (row === undefined) throw new Error('an erasure could not be made');
    await sealRows(sql, this.seals, 'audit_erasures', [id]);
    return row;
  }

  async waiting(actor: Actor, { projectId, ...page }: RouteInput<'listErasures'>['query']): Promise<WaitingErasure[]> {
    const { where, ...rest } = pageArguments(page);
    const mine = accessibleTo(actor.ability, 'read', 'AuditErasure');
    const waits = { decidedAt: null, expiresAt: { gt: this.clock.now() } };
    const ofProject = projectId === undefined ? {} : { projectId };
    return await this.database.prisma.auditErasure.findMany({
      where: { AND: [mine, waits, ofProject, where] },
      ...rest,
    });
  }

  /** Holds the row until the transaction ends. */
  async hold(sql: Sql, id: string): Promise<ErasureRow | undefined> {
    const [row] = await sql.query<ErasureRow>(`SELECT ${COLUMNS} FROM audit_erasures WHERE id = $1::uuid FOR UPDATE`, [
      id,
    ]);
    return row;
  }

  async decide(sql: Sql, id: string, how: 'approved_by' | 'declined_by', by: string): Promise<void> {
    await sql.query(`UPDATE audit_erasures SET ${how} = $2::uuid, decided_at = now() WHERE id = $1::uuid`, [id, by]);
  }

  /** @returns how many values were deleted */
  async erase(sql: Sql, { id, eventIds }: ErasureRow): Promise<number> {
    const gone = await sql.query('DELETE FROM audit_personal WHERE event_id = ANY ($1::uuid[]) RETURNING field', [
      eventIds,
    ]);
    await sql.query('UPDATE audit_erasures SET used_at = now() WHERE id = $1::uuid', [id]);
    return gone.length;
  }
}
