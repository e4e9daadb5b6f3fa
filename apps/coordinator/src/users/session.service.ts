import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, UnderstudyError } from '@understudy/contracts';
import { type Database, hashTokenSecret, newTokenSecret } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { BreakGlass } from '../break-glass/break-glass.service.js';
import type { Config } from '../config/config.js';
import { type Clock, CLOCK, CONFIG, DATABASE } from '../platform/tokens.js';
import { Credentials } from './credentials.js';
import { SessionRepository } from './session.repository.js';
import { SignInLimit } from './sign-in-limit.js';

/**
 * No refusal comes sooner than this: what is done for an account that is there (a row counted, a lock set) is longer than for
 * nobody, and must not be told from the time.
 */
const REFUSED_AFTER_MS = 300;

export interface OpenedSession {
  readonly userId: string;
  /** For its cookie alone. */
  readonly secret: string;
  readonly secondFactor: boolean;
}

/** Signing in and out. */
@Injectable()
export class SessionService {
  private readonly limit: SignInLimit;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly credentials: Credentials,
    private readonly sessions: SessionRepository,
    private readonly breakGlass: BreakGlass,
    private readonly audit: AuditWriter,
  ) {
    this.limit = new SignInLimit(config.SIGN_IN_TRIES);
  }

  /**
   * @param address where it comes from
   * @throws UnderstudyError UNAUTHENTICATED, for whatever reason, in the same words and the same time; CODE_REQUIRED when
   *   all but the second factor's code was right; FORBIDDEN for a break-glass account whose hour is over; RATE_LIMITED when too many from this address were wrong
   */
  async signIn(given: RouteInput<'signIn'>['body'], address: string): Promise<OpenedSession> {
    const began = performance.now();
    this.takeTry(address);
    const proof = await this.credentials.prove(given);
    if (proof.kind === 'refused') {
      await delay(Math.max(0, REFUSED_AFTER_MS - (performance.now() - began)));
      throw new UnderstudyError(
        'UNAUTHENTICATED',
        'Email, password or code is wrong, or the account is locked for a while after too many tries.',
      );
    }
    this.giveBackTry(address);
    if (proof.kind === 'code_wanted') {
      throw new UnderstudyError(
        'CODE_REQUIRED',
        'This account has a second factor: sign in with its code, or with a recovery code, besides the password.',
      );
    }
    const { userId } = proof;
    // Whose password two people keep in halves has no authenticator.
    const secondFactor = (await this.breakGlass.admit(userId)) || proof.secondFactor;
    return { userId, secondFactor, secret: await this.open(userId, secondFactor) };
  }

  /** @throws UnderstudyError RATE_LIMITED */
  takeTry(address: string): void {
    if (this.limit.take(address, this.clock.now().getTime())) return;
    throw new UnderstudyError('RATE_LIMITED', 'Too many tries to sign in came from this address; wait some minutes.');
  }

  /** What was tried was right. */
  giveBackTry(address: string): void {
    this.limit.giveBack(address, this.clock.now().getTime());
  }

  /** @returns the session's secret, for its cookie alone */
  async open(userId: string, secondFactor: boolean): Promise<string> {
    const secret = newTokenSecret('session');
    const id = randomUUID();
    await this.database.hotTransaction(async (sql) => {
      await this.sessions.open(sql, { id, userId, hash: hashTokenSecret(secret), secondFactor });
      await this.audit.append(sql, {
        actor: `user:${userId}`,
        action: 'session.opened',
        subjectType: 'Token',
        subjectId: id,
        data: { secondFactor },
      });
    });
    return secret;
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
}
