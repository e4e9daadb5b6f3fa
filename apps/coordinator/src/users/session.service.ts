import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { type Database, hashTokenSecret, newTokenSecret } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { passwordFits } from './passwords.js';
import { SessionRepository } from './session.repository.js';

/**
 * No refusal comes sooner than this: what is done for an account that is there (a row counted, a lock set) is longer than for
 * nobody, and must not be told from the time.
 */
const REFUSED_AFTER_MS = 300;

/** Signing in and out. */
@Injectable()
export class SessionService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly sessions: SessionRepository,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * @returns the session's secret, for its cookie alone
   * @throws UnderstudyError UNAUTHENTICATED, for whatever reason, in the same words and the same time
   */
  async signIn({ email, password }: RouteInput<'signIn'>['body']): Promise<{ userId: string; secret: string }> {
    const began = performance.now();
    const user = await this.sessions.countTry(email.toLowerCase());
    const fits = await passwordFits(password, user?.passwordHash ?? null);
    if (user === undefined || !fits) {
      await this.audit.append(this.database, {
        actor: 'anonymous',
        action: 'session.refused',
        subjectType: 'User',
        subjectId: user?.id ?? '-',
        data: {},
      });
      await delay(Math.max(0, REFUSED_AFTER_MS - (performance.now() - began)));
      throw new UnderstudyError(
        'UNAUTHENTICATED',
        'Email or password is wrong, or the account is locked for a while after too many tries.',
      );
    }
    const secret = newTokenSecret('session');
    const id = randomUUID();
    await this.database.hotTransaction(async (sql) => {
      await this.sessions.open(sql, { id, userId: user.id, hash: hashTokenSecret(secret) });
      await this.audit.append(sql, {
        actor: `user:${user.id}`,
        action: 'session.opened',
        subjectType: 'Token',
        subjectId: id,
        data: {},
      });
    });
    return { userId: user.id, secret };
  }

  async signOut(actor: Actor): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      await this.sessions.close(sql, actor.token.id);
      await this.audit.append(sql, {
        actor: actor.label,
        action: 'session.closed',
        subjectType: 'Token',
        subjectId: actor.token.id,
        data: {},
      });
    });
  }

  async me(actor: Pick<Actor, 'id' | 'name' | 'farmRoles'>): Promise<RouteOutput<'me'>> {
    const { id, name, farmRoles } = actor;
    const memberships = await this.sessions.memberships(id);
    return { userId: id, name, email: await this.sessions.email(id), farmRoles: [...farmRoles], memberships };
  }
}
