import { Inject, Injectable } from '@nestjs/common';
import type { ConsentPoint } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { UnderstudyError } from '@understudy/contracts';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { ConsentGate } from '../consents-gate/consent-gate.js';
import { DATABASE } from '../platform/tokens.js';
import { consentRefusal, ShotFailures } from '../stages/shot-failures.js';

/** What becomes of a shot whose consents no longer cover it: it ends, with all reasons, and its lanes are told to stop. */
@Injectable()
export class Refusals {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly gate: ConsentGate,
    private readonly failures: ShotFailures,
  ) {}

  /**
   * Evaluates once more with the consents held, in a transaction of its own: the version, then its consents, then its
   * tasks are locked in this order everywhere.
   *
   * @returns the refusal; null when the consents cover it after all
   */
  async refuse(shotVersionId: string, point: ConsentPoint): Promise<UnderstudyError | null> {
    return await this.database.hotTransaction(async (sql) => {
      const verdict = await this.gate.check(sql, shotVersionId, point, { lock: true });
      if (verdict.allowed) return null;
      const refusal = consentRefusal(verdict, point);
      await this.failures.refuse(sql, shotVersionId, refusal, SYSTEM_ACTOR);
      return refusal;
    });
  }
}
