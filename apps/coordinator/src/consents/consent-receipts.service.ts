import { createPublicKey, randomUUID, sign } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  type ConsentDocument,
  type ConsentParty,
  type ConsentReceipt,
  type ConsentReceiptStatement,
  receiptBytes,
  ROUTES,
} from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { LogKey } from '../audit/log-key.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { ConsentRepository, type ConsentRow, consentView } from './consent.repository.js';

function partyOf(row: ConsentRow): ConsentParty | undefined {
  const { statement } = row.document as Partial<ConsentDocument>;
  return statement?.parties.find(({ role }) => role === row.role);
}

function partySection(row: ConsentRow): ConsentReceiptStatement['party'] {
  const party = partyOf(row);
  const { protection } = party ?? {};
  const deputy = protection?.kind === 'minor' ? protection.guardian : protection?.representative;
  return {
    role: row.role,
    performer: row.performer.name,
    images: party?.faces.map(({ sha256 }) => sha256) ?? [],
    evidence: party?.evidence ?? null,
    protection: row.protection,
    guardianOrRepresentative: deputy ?? null,
  };
}

/** The farm's people revoke at one address, performers in the portal at another. */
type WithdrawalRoute = 'revokeConsent' | 'revokePortalConsent';

/** Receipts of consents, for the performer's own files: made anew each time, signed by the farm. */
@Injectable()
export class ConsentReceiptsService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly consents: ConsentRepository,
    private readonly audit: AuditWriter,
    private readonly key: LogKey,
  ) {}

  /** @throws UnderstudyError NOT_FOUND */
  async issue(actor: Actor, consentId: string): Promise<ConsentReceipt> {
    return this.issueFor(actor, await this.consents.get(actor, consentId), 'revokeConsent');
  }

  /**
   * To whoever was found to be allowed it.
   *
   * @param withdrawBy where the one who gets it withdraws
   */
  async issueFor(actor: Actor, row: ConsentRow, withdrawBy: WithdrawalRoute): Promise<ConsentReceipt> {
    const receipt = await this.statement(row, withdrawBy);
    await this.audit.append(this.database, {
      actor: actor.label,
      action: 'consent.receipt_issued',
      subjectType: 'Consent',
      subjectId: row.id,
      projectId: row.projectId,
      data: { receiptId: receipt.receiptId },
    });
    const { x = '' } = createPublicKey(this.key.privateKey).export({ format: 'jwk' });
    return {
      receipt,
      signature: {
        algorithm: 'Ed25519',
        publicKey: Buffer.from(x, 'base64url').toString('base64'),
        value: sign(null, receiptBytes(receipt), this.key.privateKey).toString('base64'),
      },
    };
  }

  private async statement(row: ConsentRow, withdrawBy: WithdrawalRoute): Promise<ConsentReceiptStatement> {
    const { id, lineageId, version, state, stateReason, level, holds, documentSha256, scope } = consentView(row);
    return {
      format: 'understudy-consent-receipt/1',
      receiptId: randomUUID(),
      issuedAt: this.clock.now().toISOString(),
      log: this.key.origin,
      consent: { id, lineageId, version, state, stateReason, level, holds, documentSha256 },
      party: partySection(row),
      purpose: scope,
      notice: partyOf(row)?.notice ?? null,
      noticeWaiverReason: row.noticeWaiverReason,
      withdrawal: { method: 'POST', path: ROUTES[withdrawBy].path.replace(':consentId', id) },
      events: await this.consents.events(id),
      uses: await this.consents.uses(id),
    };
  }
}
