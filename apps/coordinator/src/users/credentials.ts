import { Inject, Injectable } from '@nestjs/common';
import type { Database } from '@understudy/db';
import { AuditWriter } from '../audit/audit-writer.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { AccountVault } from '../sealing/account-vault.js';
import { passwordFits } from './passwords.js';
import { recoveryHash } from './recovery-codes.js';
import { SecondFactorRepository } from './second-factor.repository.js';
import { SessionRepository } from './session.repository.js';
import { stepOfCode } from './totp.js';

export interface GivenCredentials {
  readonly email: string;
  readonly password: string;
  readonly code?: string | undefined;
}

export type Proof =
  | { readonly kind: 'proved'; readonly userId: string; readonly secondFactor: boolean }
  /** The password is right; the account has a second factor, and no code was given. */
  | { readonly kind: 'code_wanted' }
  | { readonly kind: 'refused' };

/** Says whether somebody is who they say, by password and, where the account has one, second factor. Counts every wrong try. */
@Injectable()
export class Credentials {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly sessions: SessionRepository,
    private readonly factors: SecondFactorRepository,
    private readonly vault: AccountVault,
    private readonly audit: AuditWriter,
  ) {}

  /** A refusal is in the audit log when this returns. */
  async prove({ email, password, code }: GivenCredentials): Promise<Proof> {
    const user = await this.sessions.countTry(email.toLowerCase());
    const fits = await passwordFits(password, user?.passwordHash ?? null);
    if (user === undefined || !fits) return await this.refuse(user?.id);
    const sealed = await this.factors.confirmed(user.id);
    if (sealed !== null && code === undefined) {
      // No guess was made: it does not count as one.
      await this.sessions.uncountTry(user.id);
      return { kind: 'code_wanted' };
    }
    if (sealed !== null && !(await this.codeFits(user.id, sealed, code ?? ''))) return await this.refuse(user.id);
    await this.sessions.forgetTries(user.id);
    return { kind: 'proved', userId: user.id, secondFactor: sealed !== null };
  }

  /** By the code of their second factor alone: who they are was shown otherwise. Counted like a password. */
  async proveCode(userId: string, code: string): Promise<Proof> {
    const user = await this.sessions.countTry(await this.sessions.email(userId));
    const sealed = user === undefined ? null : await this.factors.confirmed(userId);
    if (sealed === null || !(await this.codeFits(userId, sealed, code))) return await this.refuse(userId);
    await this.sessions.forgetTries(userId);
    return { kind: 'proved', userId, secondFactor: true };
  }

  private async codeFits(userId: string, sealed: Uint8Array, code: string): Promise<boolean> {
    const step = stepOfCode(this.vault.open(userId, sealed), code, this.clock.now());
    if (step !== null) return await this.factors.takeStep(userId, step);
    return await this.database.hotTransaction(async (sql) => {
      if (!(await this.factors.takeRecoveryCode(sql, userId, recoveryHash(code)))) return false;
      const subject = { subjectType: 'User', subjectId: userId };
      await this.audit.append(sql, { actor: `user:${userId}`, action: 'recovery_code.used', ...subject, data: {} });
      return true;
    });
  }

  private async refuse(userId: string | undefined): Promise<Proof> {
    await this.audit.append(this.database, {
      actor: 'anonymous',
      action: 'session.refused',
      subjectType: 'User',
      subjectId: userId ?? '-',
      data: {},
    });
    return { kind: 'refused' };
  }
}
