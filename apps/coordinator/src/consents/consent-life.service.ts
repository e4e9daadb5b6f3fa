import { Inject, Injectable } from '@nestjs/common';
import { type Consent, UnderstudyError } from '@understudy/contracts';
import { type Database, personal, type Tx } from '@understudy/db';
import { type ConsentAct, consentAfter } from '@understudy/policy';
import type { Actor } from '../access/actor.js';
import { AnchorHold } from '../audit/anchor-hold.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { LogInclusion } from '../audit/log-inclusion.js';
import { EnrolmentService } from '../performers/enrolment.service.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { ConsentRepository, type ConsentRow, consentView } from './consent.repository.js';

interface Decision {
  readonly reason: string;
  readonly waiveNotice?: string | undefined;
}

/** What people decide about a consent that is here: activate, suspend, decline. */
@Injectable()
export class ConsentLifeService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly consents: ConsentRepository,
    private readonly audit: AuditWriter,
    private readonly log: LogInclusion,
    private readonly anchorHold: AnchorHold,
    private readonly enrolment: EnrolmentService,
  ) {}

  /**
   * Answers once the decision has its place in the audit log, under a signed checkpoint.
   *
   * @param decision `waiveNotice` is the reason to begin before the performer's notice has run, or without one
   * @throws UnderstudyError NOT_FOUND, FORBIDDEN to whoever asked for it, CONSENT_EXPIRED, CONSENT_NOT_YET_VALID without
   * a notice, CONFLICT in another state, RECORD_ALTERED, IDENTITY_MISMATCH,
   * LOG_BEHIND_ANCHOR
   */
  async activate(actor: Actor, consentId: string, decision: Decision): Promise<Consent> {
    this.anchorHold.refuse('No consent is activated');
    const active = await this.activateOnce(actor, consentId, decision);
    await this.log.wait('consent.activated', consentId);
    return active;
  }

  private async activateOnce(actor: Actor, consentId: string, decision: Decision): Promise<Consent> {
    return this.database.transaction(async (tx) => {
      await this.consents.lockProjectOf(tx, consentId);
      const row = await this.consents.lock(tx, actor, 'activate', consentId);
      await this.consents.requireUnaltered(tx, consentId);
      requirePossible(row, 'activate');
      if (row.requestedBy === actor.id && !row.waivers.includes('four_eyes')) {
        throw new UnderstudyError('FORBIDDEN', 'Whoever brought a consent in does not activate it: four eyes.');
      }
      if (row.validUntil.getTime() <= this.clock.now().getTime()) {
        throw new UnderstudyError('CONSENT_EXPIRED', 'This consent has expired; a new one is needed.');
      }
      await this.requireNewest(tx, row);
      await this.enrolment.requireSound(tx, row);
      const waiver = noticeWaiver(row, actor, decision.waiveNotice);
      const change = { state: 'active', activatedBy: actor.id, stateReason: decision.reason, ...waiver } as const;
      const changed = await this.consents.update(tx, consentId, change);
      if (waiver !== null) {
        const why = personal(waiver.noticeWaiverReason);
        await this.note(tx, actor, row, 'consent.waived', { waiver: 'notice', reason: why });
      }
      const superseded = await this.consents.supersede(tx, changed);
      await this.note(tx, actor, row, 'consent.activated', { reason: personal(decision.reason), superseded });
      return consentView(changed);
    });
  }

  /** @throws UnderstudyError NOT_FOUND, CONFLICT when it is not active */
  async suspend(actor: Actor, consentId: string, reason: string): Promise<Consent> {
    return this.database.transaction(async (tx) => {
      const row = await this.consents.lock(tx, actor, 'suspend', consentId);
      requirePossible(row, 'suspend');
      const changed = await this.consents.update(tx, consentId, { state: 'suspended', stateReason: reason });
      await this.note(tx, actor, row, 'consent.suspended', { reason: personal(reason) });
      return consentView(changed);
    });
  }

  /** @throws UnderstudyError NOT_FOUND, CONFLICT once it was active or has ended */
  async decline(actor: Actor, consentId: string, reason: string): Promise<Consent> {
    return this.database.transaction(async (tx) => {
      const row = await this.consents.lock(tx, actor, 'decline', consentId);
      requirePossible(row, 'decline');
      const changed = await this.consents.update(tx, consentId, { state: 'declined', stateReason: reason });
      await this.note(tx, actor, row, 'consent.declined', { reason: personal(reason) });
      return consentView(changed);
    });
  }

  private async requireNewest(tx: Tx, row: ConsentRow): Promise<void> {
    const [newest] = await this.consents.versions(tx, row.lineageId);
    if (newest?.id === row.id || newest?.state !== 'active') return;
    throw new UnderstudyError('CONFLICT', 'A newer version of this consent is active.');
  }

  private async note(tx: Tx, actor: Actor, row: ConsentRow, action: string, data: Record<string, unknown>) {
    const { id, projectId, state, documentSha256 } = row;
    await this.audit.append(tx, {
      actor: actor.label,
      action,
      subjectType: 'Consent',
      subjectId: id,
      projectId,
      data: { from: state, documentSha256, ...data },
    });
  }
}

export function requirePossible(row: ConsentRow, act: ConsentAct): void {
  if (consentAfter(row.state, act) !== null) return;
  throw new UnderstudyError('CONFLICT', `This consent is ${row.state}; that cannot be done to it any more.`, {
    details: { state: row.state },
  });
}

interface NoticeWaiver {
  readonly noticeWaivedBy: string;
  readonly noticeWaiverReason: string;
}

/** What to write where the notice is waived; null where it is kept, or was decided on before. */
function noticeWaiver(row: ConsentRow, actor: Actor, reason: string | undefined): NoticeWaiver | null {
  if (row.state !== 'pending_review') return null;
  if (reason === undefined) {
    if (row.noticeElapsesAt !== null) return null;
    throw new UnderstudyError(
      'CONSENT_NOT_YET_VALID',
      'The document names no notice to the performer; bring one that does, or say why none is needed (waiveNotice).',
    );
  }
  if (row.protection === 'minor') {
    throw new UnderstudyError('FORBIDDEN', "A minor's notice is not waived; wait until it has run.");
  }
  return { noticeWaivedBy: actor.id, noticeWaiverReason: reason };
}
