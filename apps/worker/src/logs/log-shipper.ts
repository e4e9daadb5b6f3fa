import { setTimeout as delay } from 'node:timers/promises';

import { type AttemptLogPart, toUnderstudyError } from '@understudy/contracts';

import { isPassing, isShutOut } from '../lane/failure.js';
import type { LaneLog } from '../log.js';
import type { LogSpool, SpooledLog, SpooledPart } from './log-spool.js';

export interface LogShipperOptions {
  readonly spool: LogSpool;
  readonly send: (attemptId: string, part: AttemptLogPart) => Promise<unknown>;
  readonly log: LaneLog;
  /** As often as lanes say that they live. */
  readonly everyMs?: number;
}

/** What waits for a coordinator that is away; beyond it the oldest logs go. */
const MOST_BYTES = 64 * 1024 ** 2;
const EVERY_MS = 2000;
const LAST_SHIPMENT_MS = 3000;
const LONGEST_PAUSE_MS = 30_000;

/** Brings the logs of attempts to the coordinator as they grow, and again and again while it is away. */
export class LogShipper {
  readonly #options: LogShipperOptions;
  /** Bytes of each part that the coordinator has. */
  readonly #sent = new Map<string, number>();
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: LogShipperOptions) {
    this.#options = options;
  }

  /** Begins with what a worker that was killed has left. */
  async start(): Promise<void> {
    await this.#options.spool.endAll('the worker ended');
    this.#loop = this.#run();
  }

  /** Sends what is left, if that takes no longer; the rest waits on disk for the next start. */
  async end(withinMs = LAST_SHIPMENT_MS): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    const timeUp = new AbortController();
    const limit = delay(withinMs, undefined, { signal: timeUp.signal }).catch(() => undefined);
    await Promise.race([this.ship(), limit]);
    timeUp.abort();
  }

  /** @returns whether the coordinator has all there is */
  async ship(): Promise<boolean> {
    const logs = await this.#withinBounds(await this.#options.spool.logs());
    for (const log of logs) {
      try {
        for (const part of log.parts) await this.#sendPart(part);
      } catch (thrown) {
        const error = toUnderstudyError(thrown);
        if (isPassing(error) || isShutOut(error)) return false;
        // The coordinator will not have it: another one's database, or a lease of long ago.
        this.#options.log.warn({ attemptId: log.attemptId, code: error.code }, 'the log of an attempt is not wanted');
        await this.#forget(log);
        continue;
      }
      if (log.isEnded) await this.#forget(log);
    }
    return true;
  }

  async #run(): Promise<void> {
    const { everyMs = EVERY_MS } = this.#options;
    const signal = this.#stop.signal;
    let pauseMs = everyMs;
    while (!signal.aborted) {
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const all = await this.ship();
      pauseMs = all ? everyMs : Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    }
  }

  async #sendPart(part: SpooledPart): Promise<void> {
    if (this.#sent.get(part.path) === part.bytes) return;
    const content = await this.#options.spool.read(part);
    if (content !== null) await this.#options.send(part.attemptId, content);
    this.#sent.set(part.path, part.bytes);
  }

  async #withinBounds(logs: readonly SpooledLog[]): Promise<SpooledLog[]> {
    let bytes = logs.flatMap(({ parts }) => parts).reduce((sum, part) => sum + part.bytes, 0);
    const kept = [...logs];
    while (bytes > MOST_BYTES && kept.length > 0) {
      const oldest = kept.shift() as SpooledLog;
      bytes -= oldest.parts.reduce((sum, part) => sum + part.bytes, 0);
      await this.#forget(oldest);
      this.#options.log.warn({ attemptId: oldest.attemptId }, 'the log of an attempt was dropped: too many wait');
    }
    return kept;
  }

  async #forget(log: SpooledLog): Promise<void> {
    await this.#options.spool.forget(log);
    for (const { path } of log.parts) this.#sent.delete(path);
  }
}
