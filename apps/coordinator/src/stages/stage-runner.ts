import { Inject, Injectable } from '@nestjs/common';
import { toUnderstudyError, type StageData, type StageName } from '@understudy/contracts';
import { isTransient, StageAbandoned, type StageJob, type StageWork } from '@understudy/queue';
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
      const error = toUnderstudyError(thrown);
      const again = isTransient(error.code) && !job.lastTry;
      this.metrics.stage(job.stage, again ? 'again' : 'failed', performance.now() - startedAt);
      this.logger.error({ stage: job.stage, job: job.id, code: error.code, again, err: thrown }, 'stage failed');
      if (again) throw error;
      // When this fails too, the shot stands where it stood and the reconciler enqueues its stage anew.
      await handler.abandon(data, error);
      throw new StageAbandoned(error.message);
    }
  }

  onError(error: Error): void {
    this.logger.warn({ err: error.message }, 'stage queue');
  }
}
