import { Inject, Injectable } from '@nestjs/common';
import type { Consent } from '@understudy/contracts';
import { type Database, databaseFault, personal, type Tx } from '@understudy/db';
import { isWithdrawable } from '@understudy/policy';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { requirePossible } from './consent-life.service.js';
import { ConsentRepository, type ConsentRow, consentView } from './consent.repository.js';
import { ShotWithdrawal } from './shot-withdrawal.js';

interface Revocation {
  readonly actor: Actor;
  readonly consentId: string;
  readonly reason: string;
  /** The consent, held, if it is the actor's to revoke. */
  readonly find: (tx: Tx) => Promise<ConsentRow>;
}

/** Tries at a revocation that runs into others who hold the same rows. */
const REVOKE_TRIES = 5;

/** Taking a consent back, with what was made under it and under the versions before it. */
@Injectable()
export class ConsentRevocations {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly consents: ConsentRepository,
    private readonly shots: ShotWithdrawal,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * For good, with everything made under it and under older versions of it, in one transaction. A version that was superseded
   * or has expired stays what it is; what was made is withdrawn all the same.
   *
   * @throws UnderstudyError NOT_FOUND, CONFLICT when it was revoked already or never came into force
   */
  async revoke(actor: Actor, consentId: string, reason: string): Promise<Consent> {
    const find = (tx: Tx): Promise<ConsentRow> => this.consents.lock(tx, actor, 'revoke', consentId);
    return this.tryRevoking({ actor, consentId, reason, find });
  }

  /**
   * By the performer whose consent it is.
   *
   * @throws UnderstudyError NOT_FOUND, CONFLICT when it was revoked already or never came into force
   */
  async revokeOwn(actor: Actor, consentId: string, reason: string): Promise<Consent> {
    const find = (tx: Tx): Promise<ConsentRow> => this.consents.lockOwn(tx, actor.performers, consentId);
    return this.tryRevoking({ actor, consentId, reason, find });
  }

  private async tryRevoking(revocation: Revocation): Promise<Consent> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.database.transaction((tx) => this.revokeOnce(tx, revocation));
      } catch (thrown) {
        if (tries >= REVOKE_TRIES || databaseFault(thrown)?.kind !== 'conflict') throw thrown;
      }
    }
  }

  private async revokeOnce(tx: Tx, { actor, consentId, reason, find }: Revocation): Promise<Consent> {
    // Versions before the consent, as everybody who works on a version does; then again, for a shot that came in between.
    await this.shots.lockVersions(tx, consentId);
    const row = await find(tx);
    const hasEnded = isWithdrawable(row.state);
    if (!hasEnded) requirePossible(row, 'revoke');
    const revoked = { state: 'revoked', stateReason: reason, revokedAt: this.clock.now() } as const;
    const changed = hasEnded ? row : await this.consents.update(tx, consentId, revoked);
    const versions = await this.shots.lockVersions(tx, consentId);
    const { projectId, state, documentSha256 } = row;
    await this.audit.append(tx, {
      actor: actor.label,
      action: hasEnded ? 'consent.withdrawn' : 'consent.revoked',
      subjectType: 'Consent',
      subjectId: consentId,
      projectId,
      data: {
        from: state,
        documentSha256,
        reason: personal(reason),
        shotVersions: versions.map((version) => version.shotVersionId),
      },
    });
    await this.shots.revoke(tx, actor.label, consentId, versions);
    return consentView(changed);
  }
}
