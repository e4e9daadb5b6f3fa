import { Inject, Injectable } from '@nestjs/common';
import { canonicalJson, consentSignatureBytes, type RouteInput, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { sha256Of } from '@understudy/tlog';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { ConsentRepository, fingerprintOf } from '../consents/consent.repository.js';
import { requirePossible } from '../consents/consent-life.service.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { isSignedBy, PerformerKeys } from './performer-keys.js';
import { consentToSign } from './portal.repository.js';

/** How far the clock of a performer's phone may be off, and how long they may look at it before it is sent. */
const SIGNED_WITHIN_MS = 15 * 60_000;

/** A performer signs a consent with a key of their own: level L2. */
@Injectable()
export class PortalSigning {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly consents: ConsentRepository,
    private readonly keys: PerformerKeys,
    private readonly audit: AuditWriter,
  ) {}

  /**
   * The consent then waits for a consent officer, who is somebody else.
   *
   * @throws UnderstudyError NOT_FOUND for another's consent, CONFLICT where it waits for no signature, INVALID_REQUEST for
   * a statement that is not about this consent as it is, a key that is not theirs, or a signature that does not fit
   */
  async sign(actor: Actor, consentId: string, given: RouteInput<'signPortalConsent'>['body']): Promise<void> {
    const { statement, signature } = given;
    const { publicKey, signedAt, ...signed } = statement;
    await this.database.transaction(async (tx) => {
      const row = await this.consents.lockOwn(tx, actor.performers, consentId);
      await this.consents.requireUnaltered(tx, consentId);
      requirePossible(row, 'sign');
      if (canonicalJson(signed) !== canonicalJson(consentToSign(row))) {
        throw refused('This is not what the consent says; load it anew, read it and sign that.');
      }
      if (Math.abs(Date.parse(signedAt) - this.clock.now().getTime()) > SIGNED_WITHIN_MS) {
        throw refused('It was signed at another time than now; look at the clock of your device and sign anew.');
      }
      const key = await this.keys.find(tx, actor, publicKey);
      if (key === undefined || !isSignedBy(publicKey, consentSignatureBytes(statement), signature)) {
        throw refused('The signature is not one of a key that you have registered.');
      }
      const text = canonicalJson(statement);
      await tx.prisma.consentSignature.create({
        data: { consentId, keyId: key.id, statement: text, signature: Buffer.from(signature, 'base64') },
      });
      await this.consents.update(tx, consentId, { state: 'pending_review', level: 'L2' });
      await this.audit.append(tx, {
        actor: actor.label,
        action: 'consent.signed',
        subjectType: 'Consent',
        subjectId: consentId,
        projectId: row.projectId,
        data: {
          level: 'L2',
          documentSha256: row.documentSha256,
          fingerprint: fingerprintOf(key.publicKey),
          statementSha256: sha256Of(text),
        },
      });
    });
  }
}

function refused(message: string): UnderstudyError {
  return new UnderstudyError('INVALID_REQUEST', message);
}
