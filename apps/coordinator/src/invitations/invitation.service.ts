import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Invitation, type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { type Database, hashTokenSecret, isUniqueViolation, newTokenSecret, type Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { pageOf } from '../platform/paging.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { RoleGiving } from '../roles/role-giving.service.js';
import { hashPassword } from '../users/passwords.js';
import { SessionService } from '../users/session.service.js';
import { InvitationRepository, InvitedRoles } from './invitation.repository.js';

const taken = (cause?: unknown): UnderstudyError =>
  new UnderstudyError('CONFLICT', 'Somebody has this email address already.', { cause });

/** Accounts whose password nobody but their owner ever knew. */
@Injectable()
export class InvitationService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly invitations: InvitationRepository,
    private readonly giving: RoleGiving,
    private readonly sessions: SessionService,
    private readonly audit: AuditWriter,
  ) {}

  async list(actor: Actor, query: RouteInput<'listInvitations'>['query']): Promise<RouteOutput<'listInvitations'>> {
    const rows = await this.invitations.open(actor, query, this.clock.now());
    return pageOf(rows, query, ({ id, email, name, roles, performerId, invitedBy, createdAt, expiresAt }) =>
      Invitation.parse({
        ...{ id, email, name, performerId, invitedBy, ...InvitedRoles.parse(roles) },
        createdAt: createdAt.toISOString(),
        expiresAt: expiresAt.toISOString(),
      }),
    );
  }

  /** @throws UnderstudyError CONFLICT for an address that has an account, NOT_FOUND for a project that is not there */
  async create(actor: Actor, body: RouteInput<'createInvitation'>['body']): Promise<RouteOutput<'createInvitation'>> {
    const { email, name, farmRoles, memberships, performerId, validHours } = body;
    const [id, secret] = [randomUUID(), newTokenSecret('invitation')];
    const roles = { farmRoles, memberships };
    const given = { id, email: email.toLowerCase(), name, roles, performerId, invitedBy: actor.id, validHours };
    return await this.database.hotTransaction(async (sql) => {
      if (
        !(await this.invitations.knows(
          sql,
          memberships.map(({ projectId }) => projectId),
        ))
      )
        throw notFound('project');
      if (performerId !== null && !(await this.invitations.knowsPerformer(sql, performerId)))
        throw notFound('performer');
      const expiresAt = await this.invitations.create(sql, { ...given, hash: hashTokenSecret(secret) });
      if (expiresAt === undefined) throw taken();
      const subject = { subjectType: 'Invitation', subjectId: id };
      await this.audit.append(sql, {
        actor: actor.label,
        action: 'invitation.made',
        ...subject,
        data: { ...roles, performerId },
      });
      return { id, secret, expiresAt: expiresAt.toISOString() };
    });
  }

  /** @throws UnderstudyError NOT_FOUND */
  async revoke(actor: Actor, id: string): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      if (!(await this.invitations.revoke(sql, id))) throw notFound('invitation');
      const subject = { subjectType: 'Invitation', subjectId: id };
      await this.audit.append(sql, { actor: actor.label, action: 'invitation.revoked', ...subject, data: {} });
    });
  }

  /**
   * Makes the account; its roles are asked for in the name of who invited.
   *
   * @param address where it comes from
   * @throws UnderstudyError CREDENTIALS_REFUSED for a secret that is wrong, used, revoked or over, alike; RATE_LIMITED
   */
  async accept(
    { secret, password }: RouteInput<'acceptInvitation'>['body'],
    address: string,
  ): Promise<RouteOutput<'acceptInvitation'>> {
    this.sessions.takeTry(address);
    const { email } = await this.join(hashTokenSecret(secret), await hashPassword(password));
    this.sessions.giveBackTry(address);
    return { email };
  }

  /**
   * @param passwordHash null for an account that signs in otherwise
   * @param bind what else makes the account theirs; in the same transaction
   * @throws UnderstudyError CREDENTIALS_REFUSED
   */
  async join(
    invitationHash: string,
    passwordHash: string | null,
    bind: (sql: Sql, userId: string) => Promise<void> = async () => {},
  ): Promise<{ userId: string; email: string }> {
    const userId = randomUUID();
    try {
      const email = await this.database.hotTransaction(async (sql) => {
        const invitation = await this.invitations.take(sql, invitationHash);
        if (invitation === undefined) {
          throw new UnderstudyError(
            'CREDENTIALS_REFUSED',
            'This invitation does not hold, or no longer; ask for another.',
          );
        }
        const { roles, performer, invitedBy } = invitation;
        await this.invitations.accept(sql, invitation, userId, passwordHash);
        const subject = { subjectType: 'User', subjectId: userId };
        const data = { farmRoles: [], invitationId: invitation.id, invitedBy };
        await this.audit.append(sql, { actor: `user:${userId}`, action: 'user.created', ...subject, data });
        await bind(sql, userId);
        const by = { id: invitedBy, label: `user:${invitedBy}` };
        for (const role of roles.farmRoles) await this.giving.give(sql, by, { userId, projectId: null, role });
        for (const membership of roles.memberships) await this.giving.give(sql, by, { userId, ...membership });
        if (performer !== null) {
          const { id: performerId, projectId } = performer;
          await this.giving.give(sql, by, { userId, projectId, role: 'performer', performerId });
        }
        return invitation.email;
      });
      return { userId, email };
    } catch (thrown) {
      if (!isUniqueViolation(thrown)) throw thrown;
      throw taken(thrown);
    }
  }
}
