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
import { Batches } from './batches.js';
import { Refusals } from './refusals.js';

export interface Beat {
  readonly order: Order;
  readonly expiresAt: Date;
}

interface Signal {
  readonly attemptId: string;
  readonly epoch: number;
  readonly framesDone: number;
  readonly receivedBytes?: number | undefined;
}

/** A heartbeat may wait a little for others: leases are seconds long. */
const BATCH = { most: 256, gatherMs: 40 };

/** Lanes at work say so: their leases go on while the consents still hold. Those that say so together are written together. */
@Injectable()
export class Heartbeats {
  readonly #looks = new Batches((ids: readonly string[]) => this.#look(ids), BATCH);
  readonly #consents = new Batches((ids: readonly string[]) => this.#allowed(ids), { ...BATCH, gatherMs: 0 });
  readonly #beats = new Batches((signals: readonly Signal[]) => this.#extend(signals), { ...BATCH, gatherMs: 0 });

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    private readonly attempts: AttemptRepository,
    private readonly gate: ConsentGate,
    private readonly refusals: Refusals,
    private readonly audit: AttemptAudit,
  ) {}

  /** @throws STALE_EPOCH when the attempt is over */
  async beat(workerId: string, attemptId: string, beat: Omit<Signal, 'attemptId'>): Promise<Beat> {
    const attempt = await this.#looks.add(attemptId);
    if (attempt?.workerId !== workerId) throw noSuchAttempt();
    if (!isCurrent(attempt, beat.epoch)) return await this.audit.refuseStale(attempt, 'heartbeat');
    if (!(await this.#covered(attempt))) return await this.#stopped(workerId, attemptId, beat.epoch, 'revoked');
    const expiresAt = await this.#beats.add({ attemptId, ...beat });
    if (expiresAt !== undefined) return { order: 'continue', expiresAt };
    return await this.#stopped(workerId, attemptId, beat.epoch, 'stop');
  }

  /** Ends the shot when its consents no longer cover it, which gives this attempt its order. */
  async #covered({ order, shotVersionId }: Attempt): Promise<boolean> {
    if (order !== null || shotVersionId === null) return true;
    const allowed = await this.#consents.add(shotVersionId);
    return allowed || (await this.refusals.refuse(shotVersionId, 'heartbeat')) === null;
  }

  /** The lease is not extended: the attempt was told to stop, or ended in between. */
  async #stopped(workerId: string, attemptId: string, epoch: number, otherwise: Order): Promise<Beat> {
    const attempt = await this.attempts.find(this.database, attemptId, workerId);
    if (attempt === undefined) throw noSuchAttempt();
    if (!isCurrent(attempt, epoch)) return await this.audit.refuseStale(attempt, 'heartbeat');
    return { order: attempt.order ?? otherwise, expiresAt: attempt.expiresAt };
  }

  async #look(attemptIds: readonly string[]): Promise<(Attempt | undefined)[]> {
    const rows = new Map((await this.attempts.findAll(this.database, attemptIds)).map((row) => [row.id, row]));
    return attemptIds.map((id) => rows.get(id));
  }

  async #allowed(shotVersionIds: readonly string[]): Promise<boolean[]> {
    const verdicts = await this.gate.checkAll(this.database, shotVersionIds, 'heartbeat', { lock: false });
    return shotVersionIds.map((id) => verdicts.get(id)?.allowed === true);
  }

  async #extend(signals: readonly Signal[]): Promise<(Date | undefined)[]> {
    const ends = await this.attempts.extend(this.database, signals, this.config.LEASE_SECONDS);
    return signals.map(({ attemptId }) => ends.get(attemptId));
  }
}
