import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, DATABASE, LOGGER, OBJECT_STORE } from '../platform/tokens.js';
import { AttemptEnds } from './attempt-ends.js';
import { AttemptRepository } from './attempt.repository.js';
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
  ) {}

  onApplicationBootstrap(): void {
    this.#schedule();
  }

  async onModuleDestroy(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /**
   * Ends every attempt whose lease is over by the database's clock.
   *
   * @returns how many; fewer than there are when another replica is at it
   */
  async sweep(): Promise<number> {
    const attempts = await this.attempts.expired(this.database, BATCH);
    let ended = 0;
    for (const attempt of attempts) {
      const expired = await this.database.hotTransaction(async (sql) => {
        const [lock] = await sql.query<{ held: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS held', [SWEEP_LOCK]);
        return lock?.held === true ? await this.ends.expire(sql, attempt) : null;
      });
      if (expired === null) break;
      if (!expired) continue;
      await this.objects.discardUpload(attempt.id);
      ended += 1;
    }
    await this.lanes.markLost(this.database, LOST_AFTER_SECONDS);
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
      if (ended > 0) this.logger.info({ ended }, 'leases ran out');
    } catch (error) {
      this.logger.warn({ err: error }, 'the sweep of leases failed; it goes on by itself');
    }
  }
}
