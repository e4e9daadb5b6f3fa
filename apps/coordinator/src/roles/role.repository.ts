import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type FarmRole, type ProjectRole, UnderstudyError } from '@understudy/contracts';
import {
  alteredRows,
  type Database,
  membershipRecord,
  performerAccountRecord,
  type Prisma,
  RecordSeals,
  sealRows,
  type Sql,
} from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { type PageQuery, pageArguments } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';

/** A role of a person: in a project, or without one on the whole farm. */
export interface PersonRole {
  readonly userId: string;
  readonly projectId: string | null;
  readonly role: FarmRole | ProjectRole | 'performer';
  /** Whom they are, as a performer of the project. */
  readonly performerId?: string | null;
}

export interface RequestRow extends PersonRole {
  readonly id: string;
  readonly requestedBy: string;
  readonly isDecided: boolean;
  readonly isOver: boolean;
}

/** A request that nobody approves runs out. */
const REQUEST_DAYS = 7;
const SHOWN = { user: { select: { name: true, email: true } }, project: { select: { name: true } } } as const;
type ShownRow = Prisma.RoleRequestGetPayload<{ include: typeof SHOWN }>;

const WHERE = `user_id = $1::uuid AND project_id IS NOT DISTINCT FROM $2::uuid AND role = $3 AND performer_id IS NOT DISTINCT FROM $4::uuid`;

@Injectable()
export class RoleRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly seals: RecordSeals,
  ) {}

  /** Those that still wait. */
  open(actor: Actor, query: PageQuery, now: Date): Promise<ShownRow[]> {
    const { where, ...page } = pageArguments(query);
    const mine = accessibleTo(actor.ability, 'read', 'RoleRequest');
    const waits = { decidedAt: null, expiresAt: { gt: now } };
    return this.database.prisma.roleRequest.findMany({ where: { AND: [mine, waits, where] }, include: SHOWN, ...page });
  }

  /** Whether the actor may know of it. */
  async knows(actor: Actor, id: string): Promise<boolean> {
    const mine = accessibleTo(actor.ability, 'read', 'RoleRequest');
    return (await this.database.prisma.roleRequest.count({ where: { AND: [{ id }, mine] } })) === 1;
  }

  async isLocal(sql: Sql, projectId: string): Promise<boolean> {
    const [row] = await sql.query<{ profile: string }>(
      'SELECT profile::text AS profile FROM projects WHERE id = $1::uuid',
      [projectId],
    );
    return row?.profile === 'local';
  }

  async isHeld(sql: Sql, { userId, projectId, role, performerId = null }: PersonRole): Promise<boolean> {
    if (performerId !== null) {
      const accounts = await sql.query(
        'SELECT user_id FROM performer_accounts WHERE performer_id = $1::uuid AND user_id = $2::uuid',
        [performerId, userId],
      );
      return accounts.length > 0;
    }
    const rows =
      projectId === null
        ? await sql.query('SELECT id FROM users WHERE id = $1::uuid AND $2::farm_role = ANY (farm_roles)', [
            userId,
            role,
          ])
        : await sql.query(
            'SELECT role::text FROM memberships WHERE user_id = $1::uuid AND project_id = $2::uuid AND role = $3::project_role',
            [userId, projectId, role],
          );
    return rows.length > 0;
  }

  /** @returns its id; the one that waits already, where there is one */
  async ask(sql: Sql, wanted: PersonRole, by: string, waived: boolean): Promise<string> {
    const { userId, projectId, role, performerId = null } = wanted;
    const whose = [userId, projectId, role, performerId];
    await sql.query(
      `UPDATE role_requests SET declined_by = $5::uuid, decided_at = now() WHERE ${WHERE} AND decided_at IS NULL AND expires_at <= now()`,
      [...whose, by],
    );
    const [made] = await sql.query<{ id: string }>(
      `INSERT INTO role_requests (user_id, project_id, role, performer_id, id, requested_by, expires_at, waived, decided_at)
       VALUES ($1::uuid, $2::uuid, $3, $4::uuid, $5::uuid, $6::uuid, now() + make_interval(days => ${REQUEST_DAYS}), $7,
               CASE WHEN $7 THEN now() END)
       ON CONFLICT DO NOTHING RETURNING id`,
      [...whose, randomUUID(), by, waived],
    );
    if (made !== undefined) return made.id;
    const [waiting] = await sql.query<{ id: string }>(
      `SELECT id FROM role_requests WHERE ${WHERE} AND decided_at IS NULL`,
      whose,
    );
    if (waiting === undefined) throw new Error('a role request is neither there nor could be made');
    return waiting.id;
  }

  /** Holds the row until the transaction ends. */
  async hold(sql: Sql, id: string): Promise<RequestRow | undefined> {
    const [row] = await sql.query<RequestRow>(
      `SELECT id, user_id AS "userId", project_id AS "projectId", role, performer_id AS "performerId", requested_by AS "requestedBy",
              decided_at IS NOT NULL AS "isDecided", expires_at <= now() AS "isOver"
       FROM role_requests WHERE id = $1::uuid FOR UPDATE`,
      [id],
    );
    return row;
  }

  async decide(sql: Sql, id: string, how: 'approved_by' | 'declined_by', by: string): Promise<void> {
    await sql.query(`UPDATE role_requests SET ${how} = $2::uuid, decided_at = now() WHERE id = $1::uuid`, [id, by]);
  }

  /** @returns the farm roles since; undefined for a role in a project, of a performer too */
  async put(sql: Sql, wanted: PersonRole, by: string): Promise<FarmRole[] | undefined> {
    const { userId, projectId, role, performerId = null } = wanted;
    if (performerId !== null) {
      await sql.query(
        `INSERT INTO performer_accounts (performer_id, user_id, invited_by, seal)
         VALUES ($1::uuid, $2::uuid, $3::uuid, decode($4, 'hex'))`,
        [performerId, userId, by, this.seals.of('performer_accounts', performerAccountRecord({ performerId, userId }))],
      );
      return undefined;
    }
    if (projectId !== null) {
      await sql.query(
        `INSERT INTO memberships (project_id, user_id, role, granted_by, seal)
         VALUES ($1::uuid, $2::uuid, $3::project_role, $4::uuid, decode($5, 'hex'))`,
        [projectId, userId, role, by, this.seals.of('memberships', membershipRecord({ projectId, userId, role }))],
      );
      return undefined;
    }
    await this.requireUnaltered(sql, userId);
    const [row] = await sql.query<{ farmRoles: FarmRole[] }>(
      `UPDATE users SET farm_roles = array_append(farm_roles, $2::farm_role) WHERE id = $1::uuid
       RETURNING farm_roles::text[] AS "farmRoles"`,
      [userId, role],
    );
    await sealRows(sql, this.seals, 'users', [userId]);
    return row?.farmRoles ?? [];
  }

  /** Nothing that somebody wrote past the service gets a seal along with what is given or taken. */
  private async requireUnaltered(sql: Sql, userId: string): Promise<void> {
    if ((await alteredRows(sql, this.seals, 'users', [userId])).length === 0) return;
    throw new UnderstudyError(
      'RECORD_ALTERED',
      "This person's roles were changed past the service: audit verify names them.",
    );
  }

  /** @returns null when it was not held */
  async take(sql: Sql, { userId, projectId, role }: PersonRole): Promise<{ farmRoles?: FarmRole[] } | null> {
    if (projectId !== null) {
      const rows = await sql.query(
        `DELETE FROM memberships WHERE project_id = $1::uuid AND user_id = $2::uuid AND role = $3::project_role RETURNING role::text`,
        [projectId, userId, role],
      );
      return rows.length === 0 ? null : {};
    }
    await this.requireUnaltered(sql, userId);
    const [row] = await sql.query<{ farmRoles: FarmRole[] }>(
      `UPDATE users SET farm_roles = array_remove(farm_roles, $2::farm_role)
       WHERE id = $1::uuid AND $2::farm_role = ANY (farm_roles) RETURNING farm_roles::text[] AS "farmRoles"`,
      [userId, role],
    );
    if (row === undefined) return null;
    await sealRows(sql, this.seals, 'users', [userId]);
    return row;
  }

  /** Whether anybody else could still let people in. Two who take each other's role away do it one after the other. */
  async hasOtherAdmin(sql: Sql, userId: string): Promise<boolean> {
    const rows = await sql.query<{ id: string }>(
      `SELECT id FROM users WHERE 'org_admin' = ANY (farm_roles) AND disabled_at IS NULL
         AND id NOT IN (SELECT user_id FROM break_glass) ORDER BY id FOR UPDATE`,
    );
    return rows.some(({ id }) => id !== userId);
  }

  /** @returns false when there is nobody, or nobody who is let in */
  async disable(sql: Sql, userId: string): Promise<boolean> {
    const rows = await sql.query(
      'UPDATE users SET disabled_at = now() WHERE id = $1::uuid AND disabled_at IS NULL RETURNING id',
      [userId],
    );
    await sql.query('UPDATE tokens SET revoked_at = now() WHERE user_id = $1::uuid AND revoked_at IS NULL', [userId]);
    return rows.length > 0;
  }
}
