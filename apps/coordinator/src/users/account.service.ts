import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError } from '@understudy/contracts';
import { type Database, hashTokenSecret, newTokenSecret, type Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { AccountVault } from '../sealing/account-vault.js';
import { Credentials } from './credentials.js';
import { hashPassword } from './passwords.js';
import { newRecoveryCodes, recoveryHash } from './recovery-codes.js';
import { SecondFactorRepository } from './second-factor.repository.js';
import { FRESH_MINUTES, SessionRepository } from './session.repository.js';
import { base32, otpauthUri, SECRET_BYTES, stepOfCode } from './totp.js';

const refused = (): UnderstudyError =>
  new UnderstudyError(
    'CREDENTIALS_REFUSED',
    'The password or the code is wrong, or the account is locked for a while after too many tries.',
  );

/** How somebody proves who they are: password, second factor, open sessions. Each change asks for a proof of its own. */
@Injectable()
export class AccountService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly credentials: Credentials,
    private readonly sessions: SessionRepository,
    private readonly factors: SecondFactorRepository,
    private readonly vault: AccountVault,
    private readonly audit: AuditWriter,
  ) {}

  /** Replaces an earlier second factor only once the new one is confirmed. @throws UnderstudyError CREDENTIALS_REFUSED */
  async enrol(actor: Actor, proof: RouteInput<'enrolSecondFactor'>['body']): Promise<RouteOutput<'enrolSecondFactor'>> {
    const email = await this.prove(actor, proof);
    const secret = randomBytes(SECRET_BYTES);
    await this.database.hotTransaction(async (sql) => {
      await this.factors.keepPending(sql, actor.id, this.vault.seal(actor.id, secret));
      await this.note(sql, actor, 'second_factor.begun');
    });
    return { secret: base32(secret), otpauthUri: otpauthUri(secret, email) };
  }

  /**
   * @returns recovery codes, and for a session its new secret: from now on it counts as opened with a second factor
   * @throws UnderstudyError CREDENTIALS_REFUSED for a wrong code, CONFLICT when nothing waits to be confirmed
   */
  async confirm(actor: Actor, code: string): Promise<{ recoveryCodes: string[]; secret: string | null }> {
    const pending = await this.factors.pending(actor.id);
    if (pending === null) {
      throw new UnderstudyError('CONFLICT', 'No second factor waits to be confirmed, or no longer: enrol one first.');
    }
    // Counted like a password: a session that somebody left open is no place to guess codes.
    const counted = await this.sessions.countTry(await this.sessions.email(actor.id));
    const step = stepOfCode(this.vault.open(actor.id, pending), code, this.clock.now());
    if (counted === undefined || step === null) throw refused();
    await this.sessions.forgetTries(actor.id);
    const recoveryCodes = newRecoveryCodes(randomBytes);
    const secret = actor.token.kind === 'session' ? newTokenSecret('session') : null;
    await this.database.hotTransaction(async (sql) => {
      if (!(await this.factors.confirm(sql, actor.id, pending, step))) throw refused();
      await this.factors.replaceRecoveryCodes(sql, actor.id, recoveryCodes.map(recoveryHash));
      if (secret !== null) await this.sessions.raise(sql, actor.token.id, hashTokenSecret(secret));
      await this.note(sql, actor, 'second_factor.enrolled');
    });
    return { recoveryCodes, secret };
  }

  /** @throws UnderstudyError CREDENTIALS_REFUSED */
  async remove(actor: Actor, proof: RouteInput<'removeSecondFactor'>['body']): Promise<void> {
    await this.prove(actor, proof);
    await this.database.hotTransaction(async (sql) => {
      await this.factors.remove(sql, actor.id);
      await this.note(sql, actor, 'second_factor.removed');
    });
  }

  /** Whoever knew the old one is out. @throws UnderstudyError CREDENTIALS_REFUSED */
  async changePassword(actor: Actor, body: RouteInput<'changePassword'>['body']): Promise<void> {
    const { newPassword, ...proof } = body;
    await this.prove(actor, proof);
    const passwordHash = await hashPassword(newPassword);
    await this.database.hotTransaction(async (sql) => {
      await this.sessions.setPassword(sql, actor.id, passwordHash);
      const ended = await this.sessions.closeAll(sql, actor.id);
      await this.note(sql, actor, 'password.changed', { ended });
    });
  }

  async signOutEverywhere(actor: Actor): Promise<number> {
    return await this.database.hotTransaction(async (sql) => {
      const ended = await this.sessions.closeAll(sql, actor.id);
      await this.note(sql, actor, 'sessions.ended', { ended });
      return ended;
    });
  }

  /** @returns the email address */
  private async prove(actor: Actor, { password, code }: RouteInput<'enrolSecondFactor'>['body']): Promise<string> {
    const email = await this.sessions.email(actor.id);
    if (password === undefined) await this.proveWithoutPassword(actor, code);
    else if ((await this.credentials.prove({ email, password, code })).kind !== 'proved') throw refused();
    return email;
  }

  /** Whoever signs in with the provider alone has just done so, and shows the code where there is one. */
  private async proveWithoutPassword(actor: Actor, code: string | undefined): Promise<void> {
    if (!(await this.sessions.isFreshWithoutPassword(actor.id, actor.token.id))) {
      throw new UnderstudyError(
        'CREDENTIALS_REFUSED',
        `Give your password; without one, sign in anew and do it within ${FRESH_MINUTES} minutes.`,
      );
    }
    if ((await this.factors.confirmed(actor.id)) === null) return;
    if (code === undefined || (await this.credentials.proveCode(actor.id, code)).kind !== 'proved') throw refused();
  }

  private async note(sql: Sql, actor: Actor, action: string, data: Record<string, unknown> = {}): Promise<void> {
    await this.audit.append(sql, { actor: actor.label, action, subjectType: 'User', subjectId: actor.id, data });
  }
}
