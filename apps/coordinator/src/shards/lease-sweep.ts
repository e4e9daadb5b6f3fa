import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, DATABASE, LOGGER, OBJECT_STORE } from '../platform/tokens.js';
import { Metrics } from '../metrics/metrics.js';
import { AttemptEnds } from './attempt-ends.js';
import { AttemptRepository, type ExpiredAttempt } from './attempt.repository.js';
import { LaneRepository } from './lane.repository.js';

/** Any number of one's own; replicas that hold it take turns. */
const SWEEP_LOCK = 72_707_371;
const BATCH = 200;
/** A lane's held requests last up to 25 s. */
const LOST_AFTER_SECONDS = 45;

/** Takes back, by timer, what silent lanes hold. */
@Injectable()
export class LeaseSweep implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly attempts: AttemptRepository,
    private readonly lanes: LaneRepository,
    private readonly ends: AttemptEnds,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.#schedule();
  }

  async onModuleDestroy(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Ends attempts that stand still. @returns how many; fewer than there are when another replica is at it */
  async sweepStuck(): Promise<number> {
    const { STUCK_SECONDS: seconds } = this.config;
    const stuck = await this.attempts.stuck(this.database, seconds, BATCH);
    return await this.#endEach(stuck, 'stuck', async (sql, attempt) => await this.ends.stuck(sql, attempt, seconds));
  }

  /**
   * Ends every attempt whose lease is over by the database's clock.
   *
   * @returns how many; fewer than there are when another replica is at it
   */
  async sweep(): Promise<number> {
    const attempts = await this.attempts.expired(this.database, BATCH);
    const ended = await this.#endEach(attempts, 'silent', async (sql, attempt) => await this.ends.expire(sql, attempt));
    await this.lanes.markLost(this.database, LOST_AFTER_SECONDS);
    return ended;
  }

  async #endEach(
    attempts: readonly ExpiredAttempt[],
    why: 'silent' | 'stuck',
    end: (sql: Sql, attempt: ExpiredAttempt) => Promise<boolean>,
  ): Promise<number> {
    let ended = 0;
    for (const attempt of attempts) {
      const done = await this.database.hotTransaction(async (sql) => {
        const [lock] = await sql.query<{ held: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS held', [SWEEP_LOCK]);
        return lock?.held === true ? await end(sql, attempt) : null;
      });
      if (done === null) break;
      if (!done) continue;
      await this.objects.discardUpload(attempt.id);
      ended += 1;
    }
    this.metrics.expired(why, ended);
    return ended;
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#run().finally(() => this.#schedule());
    }, this.config.SWEEP_SECONDS * 1000);
  }

  async #run(): Promise<void> {
    try {
      const ended = await this.sweep();
      const stuck = await this.sweepStuck();
      if (stuck > 0) this.logger.warn({ stuck }, 'attempts stood still');
      if (ended > 0) this.logger.info({ ended }, 'leases ran out');
    } catch (error) {
      this.logger.warn({ err: error }, 'the sweep of leases failed; it goes on by itself');
    }
  }
}
