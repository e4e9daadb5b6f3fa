import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { type Database, isUniqueViolation } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { pageOf } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';
import { RoleGiving } from '../roles/role-giving.service.js';
import { hashPassword } from './passwords.js';
import { UserRepository } from './user.repository.js';

const shown = <Row extends { createdAt: Date; disabledAt: Date | null }>(row: Row) => ({
  ...row,
  createdAt: row.createdAt.toISOString(),
  disabledAt: row.disabledAt?.toISOString() ?? null,
});

@Injectable()
export class UserService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly users: UserRepository,
    private readonly giving: RoleGiving,
    private readonly audit: AuditWriter,
  ) {}

  async list(actor: Actor, query: RouteInput<'listUsers'>['query']): Promise<RouteOutput<'listUsers'>> {
    return pageOf(await this.users.list(actor, query), query, shown);
  }

  /** Its farm roles are those it has got by now; others may wait for a second org admin. @throws UnderstudyError CONFLICT when the email is taken */
  async create(actor: Actor, body: RouteInput<'createUser'>['body']): Promise<RouteOutput<'createUser'>> {
    const { name, email, password, farmRoles } = body;
    const user = { id: randomUUID(), name, email: email.toLowerCase(), createdBy: actor.id };
    const passwordHash = await hashPassword(password);
    try {
      const made = await this.database.transaction(async (tx) => {
        await this.users.create(tx, { ...user, passwordHash });
        await this.audit.append(tx, {
          actor: actor.label,
          action: 'user.created',
          subjectType: 'User',
          subjectId: user.id,
          data: { farmRoles: [] },
        });
        for (const role of farmRoles) await this.giving.give(tx, actor, { userId: user.id, projectId: null, role });
        return await this.users.find(tx, user.id);
      });
      return shown(made);
    } catch (thrown) {
      if (!isUniqueViolation(thrown)) throw thrown;
      throw new UnderstudyError('CONFLICT', 'Somebody has this email address already.', { cause: thrown });
    }
  }
}
