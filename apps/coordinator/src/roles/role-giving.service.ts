import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type RouteOutput, RoleRequest, UnderstudyError } from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import { asSubject, releasesOrGrants } from '@understudy/policy';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { pageOf } from '../platform/paging.js';
import { type Clock, CLOCK, CONFIG, DATABASE } from '../platform/tokens.js';
import { type PersonRole, RoleRepository } from './role.repository.js';

/** Who is behind an act: of somebody signed in, or of somebody who invited and is not there any more. */
export type Behind = Pick<Actor, 'id' | 'label'>;

/**
 * Gives roles and takes them away. On a strict farm a role that releases or grants is asked for by one org admin and given
 * by another (who is a performer: by a consent officer), so that nobody makes the second pair of eyes alone; the database
 * refuses it otherwise.
 */
@Injectable()
export class RoleGiving {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly roles: RoleRepository,
    private readonly audit: AuditWriter,
  ) {}

  /** @returns `pending` when another person has to approve it first */
  async give(sql: Sql, by: Behind, wanted: PersonRole): Promise<'given' | 'pending'> {
    if (await this.roles.isHeld(sql, wanted)) return 'given';
    const { projectId, role } = wanted;
    const byTwo = releasesOrGrants(role) && !(projectId !== null && (await this.roles.isLocal(sql, projectId)));
    if (!byTwo) {
      await this.put(sql, by, wanted, {});
      return 'given';
    }
    const waived = this.config.ACCOUNTS === 'simple';
    const requestId = await this.roles.ask(sql, wanted, by.id, waived);
    if (waived) {
      await this.put(sql, by, wanted, { requestId, waived });
      return 'given';
    }
    await this.note(sql, by, 'role.requested', wanted, { requestId });
    return 'pending';
  }

  /** @throws UnderstudyError NOT_FOUND, FORBIDDEN for a role given to oneself */
  async grantFarmRole(actor: Actor, wanted: PersonRole): Promise<'given' | 'pending'> {
    if (wanted.userId === actor.id) throw new UnderstudyError('FORBIDDEN', 'Nobody gives a role to themselves.');
    return await this.database.hotTransaction(async (sql) => {
      await this.requireUser(sql, wanted.userId);
      return await this.give(sql, actor, wanted);
    });
  }

  async listOpen(
    actor: Actor,
    query: RouteInput<'listRoleRequests'>['query'],
  ): Promise<RouteOutput<'listRoleRequests'>> {
    const rows = await this.roles.open(actor, query, this.clock.now());
    return pageOf(rows, query, ({ user, project, createdAt, expiresAt, ...row }) =>
      RoleRequest.parse({
        ...row,
        ...{ user: user.name, email: user.email, project: project?.name ?? null },
        createdAt: createdAt.toISOString(),
        expiresAt: expiresAt.toISOString(),
      }),
    );
  }

  /**
   * @throws UnderstudyError NOT_FOUND, CONFLICT when it is decided or over, FORBIDDEN for who asked, who would get it, and who
   *   does not give such a role
   */
  async approve(actor: Actor, id: string): Promise<void> {
    await this.requireKnown(actor, id);
    await this.database.hotTransaction(async (sql) => {
      const request = await this.held(sql, id);
      const { projectId, role } = request;
      if (actor.ability.cannot('grant', asSubject('RoleRequest', { projectId, role }))) {
        throw new UnderstudyError(
          'FORBIDDEN',
          "Who is a performer is approved by a consent officer of the performer's project.",
        );
      }
      if (request.requestedBy === actor.id || request.userId === actor.id) {
        throw new UnderstudyError('FORBIDDEN', 'Another person approves it: not who asked, nor who gets the role.');
      }
      await this.roles.decide(sql, id, 'approved_by', actor.id);
      if (await this.roles.isHeld(sql, request)) return;
      await this.put(sql, actor, request, { requestId: id, requestedBy: request.requestedBy }, request.requestedBy);
    });
  }

  /** By any org admin, who asked for it too, and by who could give it. @throws UnderstudyError NOT_FOUND, CONFLICT */
  async decline(actor: Actor, id: string, reason: string): Promise<void> {
    await this.requireKnown(actor, id);
    await this.database.hotTransaction(async (sql) => {
      const request = await this.held(sql, id);
      await this.roles.decide(sql, id, 'declined_by', actor.id);
      await this.note(sql, actor, 'role.declined', request, { requestId: id, reason: personal(reason) });
    });
  }

  /** One org admin is enough, also for their own. @throws UnderstudyError NOT_FOUND, CONFLICT for the last org admin */
  async take(actor: Actor, { userId, projectId, role }: PersonRole): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      if (role === 'org_admin') await this.requireOtherAdmin(sql, userId);
      const taken = await this.roles.take(sql, { userId, projectId, role });
      if (taken === null) throw notFound('role of this person');
      const { farmRoles } = taken;
      const subject = { subjectType: 'User', subjectId: userId, ...(projectId === null ? {} : { projectId }) };
      const action = farmRoles === undefined ? 'membership.removed' : 'user.roles_changed';
      const data = farmRoles === undefined ? { role } : { farmRoles };
      await this.audit.append(sql, { actor: actor.label, action, ...subject, data });
    });
  }

  /** @throws UnderstudyError NOT_FOUND, FORBIDDEN for oneself, CONFLICT for the last org admin */
  async disable(actor: Actor, userId: string, reason: string): Promise<void> {
    if (userId === actor.id) throw new UnderstudyError('FORBIDDEN', 'Nobody shuts themselves out.');
    await this.database.hotTransaction(async (sql) => {
      await this.requireOtherAdmin(sql, userId);
      if (!(await this.roles.disable(sql, userId))) throw notFound('user');
      const subject = { subjectType: 'User', subjectId: userId };
      const data = { reason: personal(reason) };
      await this.audit.append(sql, { actor: actor.label, action: 'user.disabled', ...subject, data });
    });
  }

  private async put(
    sql: Sql,
    by: Behind,
    wanted: PersonRole,
    data: Record<string, unknown>,
    grantedBy = by.id,
  ): Promise<void> {
    const farmRoles = await this.roles.put(sql, wanted, grantedBy);
    const { userId, projectId, performerId = null } = wanted;
    if (performerId !== null && projectId !== null) {
      const subject = { subjectType: 'Performer', subjectId: performerId, projectId };
      const linked = { ...data, userId, invitedBy: grantedBy };
      await this.audit.append(sql, { actor: by.label, action: 'performer.account_linked', ...subject, data: linked });
      return;
    }
    const action = farmRoles === undefined ? 'membership.granted' : 'user.roles_changed';
    await this.note(sql, by, action, wanted, farmRoles === undefined ? data : { ...data, farmRoles });
  }

  private async note(
    sql: Sql,
    by: Behind,
    action: string,
    { userId, projectId, role, performerId = null }: PersonRole,
    data: Record<string, unknown>,
  ): Promise<void> {
    const subject = { subjectType: 'User', subjectId: userId, ...(projectId === null ? {} : { projectId }) };
    const given = performerId === null ? { role } : { role, performerId };
    await this.audit.append(sql, { actor: by.label, action, ...subject, data: { ...given, ...data } });
  }

  private async requireKnown(actor: Actor, id: string): Promise<void> {
    if (!(await this.roles.knows(actor, id))) throw notFound('role request');
  }

  private async held(sql: Sql, id: string) {
    const request = await this.roles.hold(sql, id);
    if (request === undefined) throw notFound('role request');
    if (request.isDecided || request.isOver) {
      throw new UnderstudyError('CONFLICT', 'This request was decided, or ran out; ask for the role anew.');
    }
    return request;
  }

  private async requireUser(sql: Sql, userId: string): Promise<void> {
    const rows = await sql.query('SELECT id FROM users WHERE id = $1::uuid AND disabled_at IS NULL', [userId]);
    if (rows.length === 0) throw notFound('user');
  }

  private async requireOtherAdmin(sql: Sql, userId: string): Promise<void> {
    if (await this.roles.hasOtherAdmin(sql, userId)) return;
    throw new UnderstudyError('CONFLICT', 'Nobody else is org admin; make another one first.');
  }
}
