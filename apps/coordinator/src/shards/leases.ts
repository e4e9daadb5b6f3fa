import { Inject, Injectable } from '@nestjs/common';
import { type Lease, type Order, UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';
import { Batches } from './batches.js';
import { Claims } from './claims.js';
import type { Lane } from './lane.js';
import { LaneRepository } from './lane.repository.js';
import { LANES_CHANNEL, ORDERS_CHANNEL, TASKS_CHANNEL, WakeUps } from './wake-ups.js';

/** How often a held request looks by itself: a task may become due without anybody saying so. */
const LOOK_MS = 1_000;

const OFF_WAIT_SECONDS = 5;

const BATCH = { most: 256, gatherMs: 4 };

export interface LaneOrder {
  readonly attemptId: string;
  readonly epoch: number;
  readonly order: Order;
}

/** Requests that a lane holds open: for work, and for orders on the work it has. */
@Injectable()
export class Leases {
  readonly #seen = new Batches(
    (asked: readonly { workerId: string; laneId: string }[]) => this.lanes.seen(this.database, asked),
    BATCH,
  );

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly lanes: LaneRepository,
    private readonly claims: Claims,
    private readonly wakeUps: WakeUps,
  ) {}

  /**
   * @param gone aborts when the lane no longer listens
   * @returns null when nothing came up within `waitSeconds`, or the lane was drained, set aside or changed meanwhile
   */
  async lease(workerId: string, laneId: string, waitSeconds: number, gone: AbortSignal): Promise<Lease | null> {
    // While there is work nobody is held, and nothing is set up for it.
    const asking = await this.#lane(workerId, laneId);
    const now = gone.aborted ? null : await this.#claim(asking);
    if (now !== null || waitSeconds === 0) return now;
    // Whatever changes about the lane ends the request; its next one sees the change.
    const changed = new AbortController();
    const forget = this.wakeUps.onEach(`${LANES_CHANNEL}:${laneId}`, () => changed.abort());
    try {
      // Read again now that a change is heard of.
      const lane = await this.#lane(workerId, laneId);
      const over = AbortSignal.any([gone, changed.signal]);
      // One that is set aside gets work again without anybody saying so.
      const seconds = lane.isOff ? Math.min(waitSeconds, OFF_WAIT_SECONDS) : waitSeconds;
      return await this.#hold(TASKS_CHANNEL, undefined, seconds, over, () => this.#claim(lane));
    } finally {
      forget();
    }
  }

  async orders(workerId: string, laneId: string, waitSeconds: number, gone: AbortSignal): Promise<LaneOrder[]> {
    await this.#lane(workerId, laneId);
    const look = async (): Promise<LaneOrder[] | null> => {
      const orders = await this.lanes.standingOrders(this.database, laneId);
      return orders.length === 0 ? null : orders;
    };
    return (await this.#hold(ORDERS_CHANNEL, laneId, waitSeconds, gone, look)) ?? [];
  }

  /** @throws UnderstudyError NOT_FOUND when it is no lane of this worker's */
  async #lane(workerId: string, laneId: string): Promise<Lane> {
    const lane = await this.#seen.add({ workerId, laneId });
    if (lane === undefined) throw notYours();
    return lane;
  }

  async #claim(lane: Lane): Promise<Lease | null> {
    return lane.isOff ? null : await this.claims.claim(lane);
  }

  /** Looks until there is something, woken by the channel. Subscribes before it looks, so nothing falls in between. */
  async #hold<T>(
    channel: string,
    payload: string | undefined,
    waitSeconds: number,
    gone: AbortSignal,
    look: () => Promise<T | null>,
  ): Promise<T | null> {
    const until = performance.now() + waitSeconds * 1000;
    const over = whenEither(gone, this.wakeUps.closing);
    const subscription = this.wakeUps.subscribe(channel, payload);
    try {
      while (!over.signal.aborted) {
        const found = await look();
        const leftMs = until - performance.now();
        if (found !== null || leftMs <= 0) return found;
        await subscription.wait(Math.min(LOOK_MS, leftMs), over.signal);
      }
      return null;
    } finally {
      subscription.close();
      over.forget();
    }
  }
}

function notYours(): UnderstudyError {
  return new UnderstudyError('NOT_FOUND', 'This worker has no such lane; register it.');
}

/** Not `AbortSignal.any`: a signal that lives as long as the process keeps something of each that was ever made of it. */
function whenEither(...signals: readonly AbortSignal[]): { signal: AbortSignal; forget: () => void } {
  const either = new AbortController();
  const abort = (): void => either.abort();
  for (const signal of signals) {
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  }
  const forget = (): void => {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  };
  return { signal: either.signal, forget };
}
