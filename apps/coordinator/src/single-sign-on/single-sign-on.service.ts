import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, UnderstudyError } from '@understudy/contracts';
import { type Database, hashTokenSecret } from '@understudy/db';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { InvitationService } from '../invitations/invitation.service.js';
import { CONFIG, DATABASE } from '../platform/tokens.js';
import { Credentials } from '../users/credentials.js';
import { SecondFactorRepository } from '../users/second-factor.repository.js';
import { type OpenedSession, SessionService } from '../users/session.service.js';
import type { IdClaims, IdTokenFault } from './id-token.js';
import { Provider } from './provider.js';
import { SingleSignOnRepository, type TakenFlow } from './single-sign-on.repository.js';

/** Why nobody was let in; in the audit log alone. */
type Refusal = IdTokenFault | 'state' | 'mixed_up' | 'code' | 'unknown_account' | 'second_factor';

const secret = (): string => randomBytes(32).toString('base64url');

/** Signing in with the farm's OpenID Connect provider: whom it names is let in where an invitation was taken up with that name. */
@Injectable()
export class SingleSignOn {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    private readonly provider: Provider,
    private readonly flows: SingleSignOnRepository,
    private readonly sessions: SessionService,
    private readonly credentials: Credentials,
    private readonly factors: SecondFactorRepository,
    private readonly invitations: InvitationService,
    private readonly audit: AuditWriter,
  ) {}

  /** What the button says; null where there is none. */
  get providerName(): string | null {
    return this.provider.isThere ? this.config.OIDC_NAME : null;
  }

  /**
   * @param address where it comes from
   * @returns where the browser goes, and the secret that it keeps until it is back
   * @throws UnderstudyError NOT_FOUND where there is no provider, SIGN_IN_PROVIDER_UNAVAILABLE, RATE_LIMITED
   */
  async start(
    { invitation }: RouteInput<'startSingleSignOn'>['body'],
    address: string,
  ): Promise<{ url: string; browser: string }> {
    this.sessions.takeTry(address);
    const [browser, state, nonce, verifier] = [secret(), secret(), secret(), secret()];
    const url = await this.provider.authorizationUrl({ state, nonce, verifier });
    await this.flows.begin({
      id: randomUUID(),
      browserHash: hashTokenSecret(browser),
      stateHash: hashTokenSecret(state),
      nonce,
      verifier,
      invitationHash: invitation === undefined ? null : hashTokenSecret(invitation),
    });
    return { url, browser };
  }

  /**
   * @param browser the secret that `start` gave to the browser
   * @throws UnderstudyError UNAUTHENTICATED for whatever does not fit, in the same words; CODE_REQUIRED when the account has
   *   a second factor and the provider vouches for none; CREDENTIALS_REFUSED for an invitation that does not hold
   */
  async finish(
    browser: string | undefined,
    { state, code, iss }: RouteInput<'finishSingleSignOn'>['body'],
    address: string,
  ): Promise<OpenedSession> {
    const flow =
      browser === undefined ? undefined : await this.flows.take(hashTokenSecret(browser), hashTokenSecret(state));
    if (flow === undefined) {
      // Anybody may come with an answer to nothing, and the log keeps each line for good.
      this.sessions.takeTry(address);
      return await this.refuse('state');
    }
    if (!(await this.provider.mayAnswer(iss))) return await this.refuse('mixed_up');
    const idToken = await this.provider.exchange(code, flow.verifier);
    if (idToken === null) return await this.refuse('code');
    const reading = await this.provider.read(idToken, flow.nonce);
    if (!reading.ok) return await this.refuse(reading.fault);
    const userId = await this.account(flow, reading.claims.subject);
    if (userId === undefined) return await this.refuse('unknown_account');
    this.sessions.giveBackTry(address);
    const isVouchedFor = this.isSecondFactor(reading.claims);
    if (!isVouchedFor && (await this.factors.confirmed(userId)) !== null) {
      await this.flows.awaitCode(flow.id, userId);
      throw new UnderstudyError(
        'CODE_REQUIRED',
        'This account has a second factor: give its code, or a recovery code.',
      );
    }
    return await this.open(flow.id, userId, isVouchedFor);
  }

  /** After CODE_REQUIRED. @throws UnderstudyError UNAUTHENTICATED, RATE_LIMITED */
  async prove(browser: string | undefined, code: string, address: string): Promise<OpenedSession> {
    this.sessions.takeTry(address);
    const flow = browser === undefined ? undefined : await this.flows.awaiting(hashTokenSecret(browser));
    if (flow === undefined) return await this.refuse('state');
    const { kind } = await this.credentials.proveCode(flow.userId, code);
    if (kind !== 'proved') return await this.refuse('second_factor');
    this.sessions.giveBackTry(address);
    return await this.open(flow.id, flow.userId, true);
  }

  private isSecondFactor({ methods }: IdClaims): boolean {
    return methods.some((method) => this.config.OIDC_SECOND_FACTOR.includes(method));
  }

  private async account({ invitationHash }: TakenFlow, subject: string): Promise<string | undefined> {
    const { issuer } = this.provider;
    if (invitationHash === null) return await this.flows.userOf(issuer, subject);
    const joined = await this.invitations.join(invitationHash, null, async (sql, userId) => {
      if (!(await this.flows.bind(sql, issuer, subject, userId))) {
        throw new UnderstudyError('CONFLICT', 'You have an account here already: sign in with it.');
      }
      const event = { subjectType: 'User', subjectId: userId, data: { issuer } };
      await this.audit.append(sql, { actor: `user:${userId}`, action: 'provider_account.bound', ...event });
    });
    return joined.userId;
  }

  private async open(flowId: string, userId: string, secondFactor: boolean): Promise<OpenedSession> {
    if (!(await this.flows.end(flowId))) return await this.refuse('state');
    return { userId, secondFactor, secret: await this.sessions.open(userId, secondFactor) };
  }

  private async refuse(reason: Refusal): Promise<never> {
    await this.audit.append(this.database, {
      actor: 'anonymous',
      action: 'session.refused',
      subjectType: 'User',
      subjectId: '-',
      data: { provider: true, reason },
    });
    throw new UnderstudyError(
      'UNAUTHENTICATED',
      'Signing in with the provider did not succeed, or this farm does not know you by it; ask for an invitation, or begin anew.',
    );
  }
}
