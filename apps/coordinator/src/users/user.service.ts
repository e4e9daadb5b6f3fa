import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { type Database, isUniqueViolation } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { pageOf } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';
import { hashPassword } from './passwords.js';
import { UserRepository } from './user.repository.js';

const shown = <Row extends { createdAt: Date }>(row: Row) => ({ ...row, createdAt: row.createdAt.toISOString() });

@Injectable()
export class UserService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly users: UserRepository,
    private readonly audit: AuditWriter,
  ) {}

  async list(actor: Actor, query: RouteInput<'listUsers'>['query']): Promise<RouteOutput<'listUsers'>> {
    return pageOf(await this.users.list(actor, query), query, shown);
  }

  /** @throws UnderstudyError CONFLICT when the email is taken */
  async create(actor: Actor, body: RouteInput<'createUser'>['body']): Promise<RouteOutput<'createUser'>> {
    const { name, email, password, farmRoles } = body;
    const user = { id: randomUUID(), name, email: email.toLowerCase(), farmRoles };
    const passwordHash = await hashPassword(password);
    try {
      const made = await this.database.transaction(async (tx) => {
        const row = await this.users.create(tx, { ...user, passwordHash });
        await this.audit.append(tx, {
          actor: actor.label,
          action: 'user.created',
          subjectType: 'User',
          subjectId: user.id,
          data: { farmRoles },
        });
        return row;
      });
      return shown(made);
    } catch (thrown) {
      if (!isUniqueViolation(thrown)) throw thrown;
      throw new UnderstudyError('CONFLICT', 'Somebody has this email address already.', { cause: thrown });
    }
  }
}
