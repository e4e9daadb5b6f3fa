import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, LOGGER } from '../platform/tokens.js';
import { AttemptLogRepository } from './attempt-log.repository.js';

const EVERY_MS = 600_000;
const BATCH = 2000;

/** Forgets logs that are older than they are kept. Replicas need no turns: what one has deleted is gone for the other. */
@Injectable()
export class AttemptLogRetention implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly logs: AttemptLogRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.sweep().catch((error: unknown) => this.logger.warn({ err: error }, 'old logs were not forgotten'));
    }, EVERY_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** @returns how many parts went */
  async sweep(): Promise<number> {
    let gone = 0;
    for (;;) {
      const batch = await this.logs.forgetOlder(this.config.LOGS_KEPT_DAYS, BATCH);
      gone += batch;
      if (batch < BATCH) return gone;
    }
  }
}
