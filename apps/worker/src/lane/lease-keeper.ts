import type { Client } from '@understudy/client';
import { type Lease, type Order, toUnderstudyError } from '@understudy/contracts';

import type { LaneLog } from '../log.js';
import { type LaneControl, type StopReason, monotonicMs } from './control.js';
import { isPassing } from './failure.js';

export interface LeaseKeeperOptions {
  readonly client: Client;
  readonly laneId: string;
  readonly lease: Lease;
  readonly control: LaneControl;
  readonly log: LaneLog;
  /** The coordinator asks the lane to make room. */
  readonly onDrain: () => void;
}

const ORDERS_WAIT_SECONDS = 20;
const RETRY_MS = 500;

/**
 * Keeps one lease: heartbeats with progress, orders by a held request. What it learns goes into the lane's control, where
 * the threads that decode, infer and encode see it at once.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #requests = new AbortController();
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** @param receivedAtMs when the lease arrived, by {@link monotonicMs} */
  constructor(options: LeaseKeeperOptions, receivedAtMs: number) {
    this.#options = options;
    options.control.begin(receivedAtMs + this.#workMs);
    void this.#beatForever();
    void this.#followOrders();
  }

  /** Aborts when the coordinator took the lease away; not when it merely can't be reached. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Gives the work up for this reason. */
  stop(reason: StopReason): void {
    this.#options.control.stop(reason);
    this.#lost.abort(reason);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#requests.abort();
  }

  get #leaseMs(): number {
    return this.#options.lease.leaseSeconds * 1000;
  }

  /** Of the lease: what is left then is for wiping, which has to be over with it too. */
  get #workMs(): number {
    return 0.95 * this.#leaseMs;
  }

  get #heartbeatMs(): number {
    return this.#options.lease.heartbeatSeconds * 1000;
  }

  /** The first goes out at once: the lease may have been on its way for a while. */
  async #beatForever(): Promise<void> {
    const answered = await this.#beat();
    if (this.#requests.signal.aborted || this.#lost.signal.aborted) return;
    const pauseMs = answered ? this.#heartbeatMs : Math.min(RETRY_MS, this.#heartbeatMs);
    this.#timer = setTimeout(() => void this.#beatForever(), pauseMs);
  }

  async #beat(): Promise<boolean> {
    const { client, lease, control, log } = this.#options;
    // The coordinator counts from when it hears us, which is later: this side's lease always ends first.
    const sentAtMs = monotonicMs();
    try {
      const answer = await client.call(
        'heartbeatAttempt',
        {
          params: { attemptId: lease.attemptId },
          body: { epoch: lease.epoch, framesDone: control.framesDone, receivedBytes: control.receivedBytes },
        },
        { signal: this.#requests.signal, timeoutMs: this.#leaseMs },
      );
      control.extend(sentAtMs + this.#workMs);
      this.#obey(answer.order);
      return true;
    } catch (thrown) {
      const error = toUnderstudyError(thrown);
      if (this.#requests.signal.aborted) return false;
      log.warn({ attemptId: lease.attemptId, code: error.code }, 'heartbeat not answered');
      if (!isPassing(error)) this.stop('stale');
      return false;
    }
  }

  async #followOrders(): Promise<void> {
    const { client, laneId, lease } = this.#options;
    const signal = this.#requests.signal;
    while (!signal.aborted && !this.#lost.signal.aborted) {
      try {
        const request = { params: { laneId }, query: { waitSeconds: ORDERS_WAIT_SECONDS } };
        const { orders } = await client.call('pollOrders', request, { signal });
        for (const { attemptId, epoch, order } of orders) {
          if (attemptId === lease.attemptId && epoch === lease.epoch) this.#obey(order);
        }
        if (orders.length > 0) await pause(RETRY_MS, signal);
      } catch {
        // The heartbeat is what notices a coordinator that is away; orders just come later.
        await pause(RETRY_MS, signal);
      }
    }
  }

  #obey(order: Order): void {
    if (order === 'stop' || order === 'revoked') this.stop(order);
    else if (order === 'drain') this.#options.onDrain();
  }
}

/** Resolves early, without an error, when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(settle, ms);
    signal.addEventListener('abort', settle, { once: true });
  });
}
