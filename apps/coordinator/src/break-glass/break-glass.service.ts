import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type RouteOutput, UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Logger } from '../platform/logger.js';
import { DATABASE, LOGGER } from '../platform/tokens.js';
import { RoleRepository } from '../roles/role.repository.js';
import { AccountVault } from '../sealing/account-vault.js';
import { hashPassword } from '../users/passwords.js';
import { BREAK_GLASS_EMAIL, BreakGlassRepository, type BreakGlassRow } from './break-glass.repository.js';

/** 120 bits each: no half helps to find the other. */
const HALF_BYTES = 15;
const newHalf = (): string => randomBytes(HALF_BYTES).toString('base64url');

/**
 * The account whose password lies sealed, a half with each of two org admins. It is org admin and needs no second factor.
 * Opening it is loud, it ends after an hour, and two org admins seal it again.
 */
@Injectable()
export class BreakGlass {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly accounts: BreakGlassRepository,
    private readonly roles: RoleRepository,
    private readonly vault: AccountVault,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * Asked at each sign-in, once the password was right. The first one breaks the seal.
   *
   * @returns whether it is the break-glass account
   * @throws UnderstudyError FORBIDDEN once its hour is over
   */
  async admit(userId: string): Promise<boolean> {
    const account = await this.accounts.get();
    if (account?.userId !== userId) return false;
    return await this.database.hotTransaction(async (sql) => {
      const { openedAt, openUntil } = (await this.accounts.hold(sql)) ?? account;
      if (openUntil !== null) return true;
      if (openedAt !== null) {
        throw new UnderstudyError('FORBIDDEN', 'This break-glass account was used; two org admins seal it anew.');
      }
      await this.accounts.open(sql, userId);
      await this.note(sql, `break-glass:${userId}`, 'break_glass.opened', userId);
      this.logger.error({ actor: `break-glass:${userId}` }, 'the break-glass account was opened');
      return true;
    });
  }

  /** Everybody signed in may know. */
  async openUntil(): Promise<string | null> {
    return (await this.accounts.get())?.openUntil?.toISOString() ?? null;
  }

  async standing(): Promise<RouteOutput<'getBreakGlass'>> {
    const account = await this.accounts.get();
    return {
      state: stateOf(account),
      openUntil: account?.openUntil?.toISOString() ?? null,
      askedBy: account === undefined || account.askedHalf === null ? null : account.askedBy,
    };
  }

  /** Of one org admin; makes the account where there is none. @returns the first half of its next password */
  async ask(actor: Actor): Promise<RouteOutput<'askBreakGlass'>> {
    const secret = newHalf();
    await this.database.hotTransaction(async (sql) => {
      const userId = (await this.accounts.hold(sql))?.userId ?? (await this.make(sql, actor));
      if (userId === actor.id) throw ofItself();
      await this.accounts.ask(sql, userId, actor.id, this.vault.seal(userId, Buffer.from(secret)));
      await this.note(sql, actor.label, 'break_glass.seal_asked', userId);
    });
    return { email: BREAK_GLASS_EMAIL, half: 'first', secret };
  }

  /**
   * Of another org admin: from now on the two halves open it, and what opened it before does not.
   *
   * @returns the second half
   * @throws UnderstudyError CONFLICT when nobody asked for it, FORBIDDEN for who asked
   */
  async seal(actor: Actor): Promise<RouteOutput<'sealBreakGlass'>> {
    const secret = newHalf();
    await this.database.hotTransaction(async (sql) => {
      const account = await this.accounts.hold(sql);
      if (account?.askedBy == null || account.askedHalf === null) {
        throw new UnderstudyError('CONFLICT', 'Nobody asked for a new seal; another org admin does first.');
      }
      const { userId, askedBy, askedHalf } = account;
      if (userId === actor.id) throw ofItself();
      if (askedBy === actor.id) {
        throw new UnderstudyError('FORBIDDEN', 'Another org admin seals it than who asked for that.');
      }
      const first = this.vault.open(userId, askedHalf).toString();
      await this.accounts.seal(sql, userId, actor.id, await hashPassword(`${first}-${secret}`));
      await this.makeAdmin(sql, userId, askedBy, actor.id);
      await this.note(sql, actor.label, 'break_glass.sealed', userId, { askedBy });
    });
    return { email: BREAK_GLASS_EMAIL, half: 'second', secret };
  }

  private async make(sql: Sql, actor: Actor): Promise<string> {
    const userId = await this.accounts.make(sql, actor.id);
    await this.note(sql, actor.label, 'user.created', userId, { farmRoles: [] });
    return userId;
  }

  /** As any org admin is made: asked for by one, given by the other; the database wants to see both. */
  private async makeAdmin(sql: Sql, userId: string, askedBy: string, givenBy: string): Promise<void> {
    const wanted = { userId, projectId: null, role: 'org_admin' as const };
    if (await this.roles.isHeld(sql, wanted)) return;
    await this.roles.decide(sql, await this.roles.ask(sql, wanted, askedBy, false), 'approved_by', givenBy);
    await this.roles.put(sql, wanted, askedBy);
    await this.note(sql, `user:${givenBy}`, 'user.roles_changed', userId, {
      farmRoles: ['org_admin'],
      requestedBy: askedBy,
    });
  }

  private async note(
    sql: Sql,
    actor: string,
    action: string,
    subjectId: string,
    data: Record<string, unknown> = {},
  ): Promise<void> {
    await this.audit.append(sql, { actor, action, subjectType: 'User', subjectId, data });
  }
}

function stateOf(account: BreakGlassRow | undefined): RouteOutput<'getBreakGlass'>['state'] {
  if (account?.sealedAt == null) return 'none';
  if (account.openedAt === null) return 'sealed';
  return account.openUntil === null ? 'over' : 'open';
}

function ofItself(): UnderstudyError {
  return new UnderstudyError('FORBIDDEN', 'A break-glass account does not seal itself.');
}
