import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type Consent, type ConsentHold, UnderstudyError } from '@understudy/contracts';
import { type Database, personal, type Tx } from '@understudy/db';
import { hasEnded } from '@understudy/policy';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { ConsentRepository, type ConsentRow, consentView } from './consent.repository.js';

interface HoldRequest {
  readonly kind: ConsentHold;
  readonly reason: string;
}

/** Holds: a consent stays what it is, and nothing is done under it for as long as one is open. */
@Injectable()
export class ConsentHoldsService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly consents: ConsentRepository,
    private readonly audit: AuditWriter,
  ) {}

  /** Placing one that is open already changes nothing. @throws UnderstudyError NOT_FOUND, CONFLICT when it has ended */
  async place(actor: Actor, consentId: string, { kind, reason }: HoldRequest): Promise<Consent> {
    return this.database.transaction(async (tx) => {
      const row = await this.consents.lock(tx, actor, 'hold', consentId);
      if (hasEnded(row.state)) throw new UnderstudyError('CONFLICT', `This consent is ${row.state} for good.`);
      if (row.holds.includes(kind)) return consentView(row);
      await tx.prisma.consentHold.create({ data: { id: randomUUID(), consentId, kind, reason, placedBy: actor.id } });
      return this.write(tx, actor, row, [...row.holds, kind], 'consent.held', {
        kind,
        reason: personal(reason),
      });
    });
  }

  /** @throws UnderstudyError NOT_FOUND, CONFLICT where there is none, FORBIDDEN to whoever placed it */
  async lift(actor: Actor, consentId: string, { kind, reason }: HoldRequest): Promise<Consent> {
    return this.database.transaction(async (tx) => {
      const row = await this.consents.lock(tx, actor, 'lift', consentId);
      await this.consents.requireUnaltered(tx, consentId);
      const hold = await tx.prisma.consentHold.findFirst({ where: { consentId, kind, liftedAt: null } });
      if (hold === null) throw new UnderstudyError('CONFLICT', `No ${kind} holds this consent.`);
      if (hold.placedBy === actor.id) {
        throw new UnderstudyError('FORBIDDEN', 'Whoever placed a hold does not lift it: four eyes.');
      }
      await tx.query(
        `UPDATE consent_holds SET lifted_by = $2::uuid, lifted_at = now(), lift_reason = $3 WHERE id = $1::uuid`,
        [hold.id, actor.id, reason],
      );
      const left = row.holds.filter((one) => one !== kind);
      return this.write(tx, actor, row, left, 'consent.hold_lifted', {
        kind,
        reason: personal(reason),
        placedBy: hold.placedBy,
      });
    });
  }

  private async write(
    tx: Tx,
    actor: Actor,
    row: ConsentRow,
    holds: ConsentHold[],
    action: string,
    data: Record<string, unknown>,
  ): Promise<Consent> {
    const changed = await this.consents.update(tx, row.id, { holds: { set: holds } });
    await this.audit.append(tx, {
      actor: actor.label,
      action,
      subjectType: 'Consent',
      subjectId: row.id,
      projectId: row.projectId,
      data: { ...data, holds },
    });
    return consentView(changed);
  }
}
