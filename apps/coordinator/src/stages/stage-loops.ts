import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { toUnderstudyError } from '@understudy/contracts';
import type { JobsAtOnce, StageQueue } from '@understudy/queue';
import type { Logger } from '../platform/logger.js';
import { LOGGER } from '../platform/tokens.js';
import { WakeUps } from '../shards/wake-ups.js';
import { AnalysisPurge } from './analysis-purge.js';
import { OUTBOX_CHANNEL } from './channels.js';
import { OutboxRelay } from './outbox-relay.js';
import { Reconciler } from './reconciler.js';
import { StageRunner } from './stage-runner.js';
import { STAGE_QUEUE } from './stage-tokens.js';

/** One stage may be joining a long clip while others take a moment; receivers take up to ten seconds of doing nothing. */
const AT_ONCE: JobsAtOnce = { stages: 4, outside: 16 };
/** The relay is told at commit; this is for what it was not told. */
const RELAY_MS = 1000;
const RECONCILE_MS = 5000;
const PURGE_MS = 60_000;
/** A version that changed within this time is left alone by the timer: its next step is on its way. */
const SETTLED_FOR_S = 5;

type Pause = (ms: number) => Promise<unknown>;

/** What this process does for the stages, from boot to shutdown. */
@Injectable()
export class StageLoops implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stop = new AbortController();
  #loops: Promise<void>[] = [];

  constructor(
    @Inject(STAGE_QUEUE) private readonly queue: StageQueue,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly runner: StageRunner,
    private readonly relay: OutboxRelay,
    private readonly reconciler: Reconciler,
    private readonly purge: AnalysisPurge,
    private readonly wakeUps: WakeUps,
  ) {}

  onApplicationBootstrap(): void {
    const { signal } = this.#stop;
    this.queue.work(this.runner, AT_ONCE);
    const told = this.wakeUps.subscribe(OUTBOX_CHANNEL);
    signal.addEventListener('abort', () => told.close());
    let settledForS = 0;
    this.#loops = [
      this.#loop(
        'relay',
        RELAY_MS,
        () => this.relay.relay(),
        (ms) => told.wait(ms, signal),
      ),
      this.#loop('reconcile', RECONCILE_MS, async () => {
        await this.reconciler.reconcile(settledForS);
        settledForS = SETTLED_FOR_S;
      }),
      this.#loop('purge', PURGE_MS, () => this.purge.run()),
    ];
  }

  async onModuleDestroy(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await this.queue.close();
  }

  async #loop(name: string, ms: number, work: () => Promise<unknown>, pause?: Pause): Promise<void> {
    const { signal } = this.#stop;
    const rest: Pause = pause ?? ((time) => delay(time, undefined, { signal }).catch(() => undefined));
    while (!signal.aborted) {
      await work().catch((error: unknown) => this.#report(name, error));
      await rest(ms);
    }
  }

  /** What failed is tried again after the pause. While the database is away that is every time, and one line tells it. */
  #report(loop: string, thrown: unknown): void {
    const { code } = toUnderstudyError(thrown);
    const known = code === 'DATABASE_UNAVAILABLE';
    this.logger.warn({ loop, code, ...(known ? {} : { err: thrown }) }, 'a stage loop failed');
  }
}
