import { Inject, Injectable } from '@nestjs/common';
import { FarmRole, ProjectRole } from '@understudy/contracts';
import { type Database, type Prisma, RecordSeals, sealRows, type Sql } from '@understudy/db';
import { z } from 'zod';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { OPEN_MINUTES } from '../break-glass/break-glass.repository.js';
import { type PageQuery, pageArguments } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';

export const InvitedRoles = z.object({
  farmRoles: z.array(FarmRole),
  memberships: z.array(z.object({ projectId: z.string(), role: ProjectRole })),
});
export type InvitedRoles = z.infer<typeof InvitedRoles>;

export interface NewInvitation {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly hash: string;
  readonly roles: InvitedRoles;
  readonly performerId: string | null;
  readonly invitedBy: string;
  readonly validHours: number;
}

export interface OpenInvitation {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly roles: InvitedRoles;
  readonly performer: { readonly id: string; readonly projectId: string } | null;
  readonly invitedBy: string;
}

/** Whoever invited must still be somebody who may: a break-glass account is nobody any more when its hour is over. */
const TAKE = `
  SELECT i.id, i.email, i.name, i.roles, i.invited_by AS "invitedBy",
         (SELECT jsonb_build_object('id', p.id, 'projectId', p.project_id) FROM performers p WHERE p.id = i.performer_id) AS performer
  FROM invitations i
  JOIN users u ON u.id = i.invited_by AND u.disabled_at IS NULL AND 'org_admin' = ANY (u.farm_roles)
  WHERE i.hash = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
    AND NOT EXISTS (SELECT FROM break_glass b WHERE b.user_id = u.id
                     AND coalesce(b.opened_at <= now() - make_interval(mins => ${OPEN_MINUTES}), true)) FOR UPDATE OF i`;

@Injectable()
export class InvitationRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly seals: RecordSeals,
  ) {}

  open(actor: Actor, query: PageQuery, now: Date): Promise<Prisma.InvitationGetPayload<object>[]> {
    const { where, ...page } = pageArguments(query);
    const mine = accessibleTo(actor.ability, 'read', 'Invitation');
    const waits = { acceptedAt: null, revokedAt: null, expiresAt: { gt: now } };
    return this.database.prisma.invitation.findMany({ where: { AND: [mine, waits, where] }, ...page });
  }

  /** Takes the place of an earlier one to the same address. @returns when it ends; undefined where an account has the address */
  async create(sql: Sql, invitation: NewInvitation): Promise<Date | undefined> {
    const { id, email, name, hash, roles, performerId, invitedBy, validHours } = invitation;
    await sql.query(
      'UPDATE invitations SET revoked_at = now() WHERE email = $1 AND accepted_at IS NULL AND revoked_at IS NULL',
      [email],
    );
    const [row] = await sql.query<{ expiresAt: Date }>(
      `INSERT INTO invitations (id, email, name, hash, roles, invited_by, expires_at, performer_id)
       SELECT $1::uuid, $2, $3, $4, $5::jsonb, $6::uuid, now() + make_interval(hours => $7), $8::uuid
       WHERE NOT EXISTS (SELECT FROM users WHERE email = $2)
       RETURNING expires_at AS "expiresAt"`,
      [id, email, name, hash, JSON.stringify(roles), invitedBy, validHours, performerId],
    );
    return row?.expiresAt;
  }

  async knows(sql: Sql, projectIds: readonly string[]): Promise<boolean> {
    const wanted = new Set(projectIds);
    const rows = await sql.query('SELECT id FROM projects WHERE id = ANY ($1::uuid[])', [[...wanted]]);
    return rows.length === wanted.size;
  }

  async knowsPerformer(sql: Sql, performerId: string): Promise<boolean> {
    return (await sql.query('SELECT id FROM performers WHERE id = $1::uuid', [performerId])).length === 1;
  }

  async revoke(sql: Sql, id: string): Promise<boolean> {
    const rows = await sql.query(
      `UPDATE invitations SET revoked_at = now()
       WHERE id = $1::uuid AND accepted_at IS NULL AND revoked_at IS NULL RETURNING id`,
      [id],
    );
    return rows.length === 1;
  }

  /** Holds it until the transaction ends. */
  async take(sql: Sql, hash: string): Promise<OpenInvitation | undefined> {
    const [row] = await sql.query<OpenInvitation>(TAKE, [hash]);
    return row === undefined ? undefined : { ...row, roles: InvitedRoles.parse(row.roles) };
  }

  async accept(sql: Sql, invitation: OpenInvitation, userId: string, passwordHash: string | null): Promise<void> {
    const { id, email, name, invitedBy } = invitation;
    await sql.query(
      `INSERT INTO users (id, name, email, password_hash, created_by) VALUES ($1::uuid, $2, $3, $4, $5::uuid)`,
      [userId, name, email, passwordHash, invitedBy],
    );
    await sealRows(sql, this.seals, 'users', [userId]);
    await sql.query('UPDATE invitations SET accepted_at = now(), user_id = $2::uuid WHERE id = $1::uuid', [id, userId]);
  }
}
