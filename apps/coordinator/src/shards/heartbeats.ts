import { Inject, Injectable } from '@nestjs/common';
import type { Order } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { Config } from '../config/config.js';
import { ConsentGate } from '../consents-gate/consent-gate.js';
import { CONFIG, DATABASE } from '../platform/tokens.js';
import { type Attempt, isCurrent } from './attempt.js';
import { AttemptAudit } from './attempt-audit.js';
import { noSuchAttempt } from './attempt-ends.js';
import { AttemptRepository } from './attempt.repository.js';
import { Refusals } from './refusals.js';

export interface Beat {
  readonly order: Order;
  readonly expiresAt: Date;
}

/** A lane at work says so: its lease goes on while the consents still hold. */
@Injectable()
export class Heartbeats {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    private readonly attempts: AttemptRepository,
    private readonly gate: ConsentGate,
    private readonly refusals: Refusals,
    private readonly audit: AttemptAudit,
  ) {}

  /** @throws STALE_EPOCH when the attempt is over */
  async beat(workerId: string, attemptId: string, beat: { epoch: number; framesDone: number }): Promise<Beat> {
    const attempt = await this.#own(attemptId, workerId);
    if (!isCurrent(attempt, beat.epoch)) return await this.audit.refuseStale(attempt, 'heartbeat');
    if (!(await this.#covered(attempt))) return await this.#stopped(workerId, attemptId, beat.epoch, 'revoked');
    const leaseSeconds = this.config.LEASE_SECONDS;
    const expiresAt = await this.attempts.extend(this.database, attemptId, { ...beat, leaseSeconds });
    if (expiresAt !== undefined) return { order: 'continue', expiresAt };
    return await this.#stopped(workerId, attemptId, beat.epoch, 'stop');
  }

  /** Ends the shot when its consents no longer cover it, which gives this attempt its order. */
  async #covered({ order, shotVersionId }: Attempt): Promise<boolean> {
    if (order !== null || shotVersionId === null) return true;
    const verdict = await this.gate.check(this.database, shotVersionId, 'heartbeat', { lock: false });
    return verdict.allowed || (await this.refusals.refuse(shotVersionId, 'heartbeat')) === null;
  }

  /** The lease is not extended: the attempt was told to stop, or ended in between. */
  async #stopped(workerId: string, attemptId: string, epoch: number, otherwise: Order): Promise<Beat> {
    const attempt = await this.#own(attemptId, workerId);
    if (!isCurrent(attempt, epoch)) return await this.audit.refuseStale(attempt, 'heartbeat');
    return { order: attempt.order ?? otherwise, expiresAt: attempt.expiresAt };
  }

  async #own(attemptId: string, workerId: string): Promise<Attempt> {
    const attempt = await this.attempts.find(this.database, attemptId, workerId);
    if (attempt === undefined) throw noSuchAttempt();
    return attempt;
  }
}
