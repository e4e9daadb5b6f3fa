import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { toUnderstudyError } from '@understudy/contracts';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, LOGGER } from '../platform/tokens.js';
import { Metrics } from '../metrics/metrics.js';
import { Anchor } from './anchor.js';
import { AnchorHold } from './anchor-hold.js';
import { Sequencer } from './sequencer.js';

/** Until the first comparison was made it is tried no less often. */
const MOST_SECONDS_UNCOMPARED = 5;

/** From boot to shutdown: places, checkpoint, anchor, by timer. */
@Injectable()
export class SequencerLoop implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly sequencer: Sequencer,
    private readonly anchor: Anchor,
    private readonly hold: AnchorHold,
    private readonly metrics: Metrics,
  ) {}

  /** Listening waits for the first comparison: not one lease is given before it. */
  async onApplicationBootstrap(): Promise<void> {
    await this.anchor.agrees().catch((thrown: unknown) => {
      this.#report(thrown);
      const { code, message } = toUnderstudyError(thrown);
      this.hold.cannotCompare(code === 'BUCKET_UNAVAILABLE' ? message : `(${code})`);
    });
    this.#running = this.#loop();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** One turn: nothing is placed on a log that is not the one that was anchored. */
  async turn(options: { wait: boolean } = { wait: false }): Promise<void> {
    if (!(await this.anchor.agrees())) return;
    await this.sequencer.run(options);
    await this.anchor.append(options);
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.turn().catch((thrown: unknown) => this.#report(thrown));
      const seconds = Math.min(
        this.config.AUDIT_CHECKPOINT_SECONDS,
        this.hold.isCompared ? Infinity : MOST_SECONDS_UNCOMPARED,
      );
      await delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
    }
  }

  #report(thrown: unknown): void {
    const { code, message } = toUnderstudyError(thrown);
    const known = code === 'DATABASE_UNAVAILABLE' || code === 'BUCKET_UNAVAILABLE';
    this.metrics.logTurnFailed(code);
    this.logger.warn(
      { code, ...(known ? { why: message } : { err: thrown }) },
      'the sequencer of the audit log failed; it goes on by itself',
    );
  }
}
