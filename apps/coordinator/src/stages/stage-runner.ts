import { Inject, Injectable } from '@nestjs/common';
import { toUnderstudyError, type StageData, type StageName, type UnderstudyError } from '@understudy/contracts';
import { isOutage, pauseAfter, StageAbandoned, type StageJob, StageTryAgain, type StageWork } from '@understudy/queue';
import { outageOf } from '@understudy/storage';
import type { Logger } from '../platform/logger.js';
import { LOGGER } from '../platform/tokens.js';
import { Metrics } from '../metrics/metrics.js';
import type { StageHandler, StageHandlers } from './stage-handler.js';
import { STAGE_HANDLERS } from './stage-tokens.js';

/** Runs a job through its stage's handler and decides whether a failure is worth another try. */
@Injectable()
export class StageRunner implements StageWork {
  constructor(
    @Inject(STAGE_HANDLERS) private readonly handlers: StageHandlers,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {}

  async run(job: StageJob): Promise<void> {
    const handler = this.handlers[job.stage] as StageHandler;
    const data = job.data as StageData<StageName>;
    const startedAt = performance.now();
    try {
      await handler.run(data);
      const ms = performance.now() - startedAt;
      this.metrics.stage(job.stage, 'done', ms);
      this.logger.info({ stage: job.stage, job: job.id, ms: Math.round(ms) }, 'stage done');
    } catch (thrown) {
      const error = outageOf(thrown) ?? toUnderstudyError(thrown);
      const { outages, failures } = job.tries;
      const tries = isOutage(error.code) ? { outages: outages + 1, failures } : { outages, failures: failures + 1 };
      const pauseMs = pauseAfter(job.stage, error.code, tries);
      const again = pauseMs !== null;
      this.metrics.stage(job.stage, again ? 'again' : 'failed', performance.now() - startedAt);
      this.logger.error({ stage: job.stage, job: job.id, code: error.code, again, err: thrown }, 'stage failed');
      if (again) {
        await this.#sayThatItWaits(handler, data, error);
        throw new StageTryAgain(pauseMs, tries, error);
      }
      // When this fails too, the shot stands where it stood and the reconciler enqueues its stage anew.
      await handler.abandon(data, error);
      throw new StageAbandoned(error.message);
    }
  }

  /** Shown while it waits; nothing depends on it, and the database may be what is away. */
  async #sayThatItWaits(handler: StageHandler, data: StageData<StageName>, error: UnderstudyError): Promise<void> {
    try {
      await handler.waits?.(data, error);
    } catch (thrown) {
      this.logger.warn({ stage: handler.stage, err: thrown }, 'why a stage waits could not be said');
    }
  }

  onError(error: Error): void {
    this.logger.warn({ err: error.message }, 'stage queue');
  }
}
