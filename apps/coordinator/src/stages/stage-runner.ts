import { Inject, Injectable } from '@nestjs/common';
import { toUnderstudyError, type StageData, type StageName } from '@understudy/contracts';
import { isTransient, StageAbandoned, type StageJob, type StageWork } from '@understudy/queue';
import type { Logger } from '../platform/logger.js';
import { LOGGER } from '../platform/tokens.js';
import type { StageHandler, StageHandlers } from './stage-handler.js';
import { STAGE_HANDLERS } from './stage-tokens.js';

/** Runs a job through its stage's handler and decides whether a failure is worth another try. */
@Injectable()
export class StageRunner implements StageWork {
  constructor(
    @Inject(STAGE_HANDLERS) private readonly handlers: StageHandlers,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async run(job: StageJob): Promise<void> {
    const handler = this.handlers[job.stage] as StageHandler;
    const data = job.data as StageData<StageName>;
    const startedAt = performance.now();
    try {
      await handler.run(data);
      this.logger.info({ stage: job.stage, job: job.id, ms: Math.round(performance.now() - startedAt) }, 'stage done');
    } catch (thrown) {
      const error = toUnderstudyError(thrown);
      const again = isTransient(error.code) && !job.lastTry;
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
