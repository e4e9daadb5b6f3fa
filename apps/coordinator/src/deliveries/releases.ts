import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AnchorHold } from '../audit/anchor-hold.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { LogInclusion } from '../audit/log-inclusion.js';
import { ConsentGate } from '../consents-gate/consent-gate.js';
import { DATABASE } from '../platform/tokens.js';
import { ProjectKeys } from '../sealing/project-keys.js';
import { consentRefusal } from '../stages/shot-failures.js';
import { StageTransitions } from '../stages/stage-transitions.js';
import { type DeliveryRow, DeliveryRepository } from './delivery.repository.js';

/** The submitter released it: a local run has nobody else. */
export const FOUR_EYES = 'four_eyes';

/** Lets a verified delivery out: under consents that hold at this moment, by somebody other than who submitted it or a version before it. */
@Injectable()
export class Releases {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly deliveries: DeliveryRepository,
    private readonly consents: ConsentGate,
    private readonly transitions: StageTransitions,
    private readonly keys: ProjectKeys,
    private readonly audit: AuditWriter,
    private readonly log: LogInclusion,
    private readonly anchorHold: AnchorHold,
  ) {}

  /**
   * Answers once the release has its place in the audit log, under a signed checkpoint. Releasing again is no error.
   *
   * @throws UnderstudyError FORBIDDEN for a submitter, OUTPUT_LOCKED, CONFLICT before it is ready, PROJECT_KEY_DESTROYED,
   * LOG_BEHIND_ANCHOR, the consent's error
   */
  async release(actor: Actor, found: DeliveryRow, reason: string): Promise<void> {
    this.keys.requireThere(found.projectId);
    this.anchorHold.refuse('Nothing is released');
    try {
      await this.database.hotTransaction(async (sql) => this.#release(sql, actor, found, reason));
    } catch (thrown) {
      if (thrown instanceof UnderstudyError) await this.#auditRefusal(actor, found, thrown);
      throw thrown;
    }
    await this.log.wait('delivery.released', found.id);
  }

  async #release(sql: Sql, actor: Actor, found: DeliveryRow, reason: string): Promise<void> {
    const verdict = await this.consents.check(sql, found.shotVersionId, 'release', { lock: true });
    const delivery = await this.deliveries.row(sql, found.id, { lock: true });
    if (delivery === undefined) throw notFound('delivery');
    if (delivery.state === 'released') return;
    if (!verdict.allowed) throw consentRefusal(verdict, 'release');
    requireReleasable(delivery, actor);
    const waivers = delivery.submitters.includes(actor.id) ? [FOUR_EYES] : [];
    await this.deliveries.markReleased(sql, delivery.id, actor.id);
    await this.transitions.move(sql, {
      shotVersionId: delivery.shotVersionId,
      from: ['ready'],
      to: 'released',
      actor: actor.label,
      patch: { waivers: [...new Set([...delivery.waivers, ...waivers])] },
      data: { deliveryId: delivery.id },
    });
    await this.audit.append(sql, {
      actor: actor.label,
      action: 'delivery.released',
      subjectType: 'Delivery',
      subjectId: delivery.id,
      projectId: delivery.projectId,
      shotId: delivery.shotId,
      data: { sha256: delivery.sha256, consents: verdict.consentIds, reason: personal(reason), waivers },
    });
  }

  async #auditRefusal(actor: Actor, { id, projectId, shotId }: DeliveryRow, error: UnderstudyError): Promise<void> {
    await this.audit.append(this.database, {
      actor: actor.label,
      action: 'delivery.release_refused',
      subjectType: 'Delivery',
      subjectId: id,
      projectId,
      shotId,
      data: { code: error.code },
    });
  }
}

function requireReleasable({ state, profile, submitters, selfAttested }: DeliveryRow, actor: Actor): void {
  if (state === 'locked')
    throw new UnderstudyError('OUTPUT_LOCKED', 'The delivery is locked: a consent behind it ended.');
  if (state !== 'ready')
    throw new UnderstudyError('CONFLICT', `The delivery is ${state}; it can be released once it is ready.`);
  if (profile === 'local') return;
  if (submitters.includes(actor.id)) {
    throw new UnderstudyError(
      'FORBIDDEN',
      'Whoever submitted a shot, or a version of it before, does not release it; ask somebody else.',
    );
  }
  if (selfAttested) {
    throw new UnderstudyError(
      'CONSENT_LEVEL_TOO_LOW',
      'A self-attested consent (L0) is released from no farm project.',
    );
  }
}
