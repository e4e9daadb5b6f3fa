import { statfs } from 'node:fs/promises';

import type { Lease, RegisterLane, UnderstudyError } from '@understudy/contracts';
import { toUnderstudyError } from '@understudy/contracts';
import type { z } from 'zod';

import { Attempt, type AttemptContext } from './attempt.js';
import { monotonicMs } from './control.js';
import { isShutOut } from './failure.js';
import { pause } from './lease-keeper.js';

export interface AgentOptions extends Omit<AttemptContext, 'laneId'> {
  readonly registration: z.input<typeof RegisterLane>;
  /** How long the coordinator may hold a request for work. */
  readonly leaseWaitSeconds: number;
  /** The coordinator does not know this lane's token, or no longer. Resolves when there is another one. */
  readonly onTokenRefused: (signal: AbortSignal) => Promise<void>;
  readonly onRegistered: () => void;
  /** Told of each lease as it begins, and with null when the lane holds none. */
  readonly onAttempt: (lease: Lease | null) => void;
  /** In 0..1; spreads the lanes' tries after an outage. */
  readonly random: () => number;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** A lane whose disk is full looks so often, and for so long, whether there is more room: by this much. */
const ROOM_LOOK_MS = 500;
const NO_ROOM_PAUSE_MS = 15_000;
const ROOM_BYTES = 1 << 20;

/** A lane as the coordinator knows it: registers, asks for work, does it, one task at a time, until it is drained. */
export class LaneAgent {
  readonly #options: AgentOptions;
  readonly #draining = new AbortController();
  #attempt: Attempt | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Returns when drained. @throws UnderstudyError FORBIDDEN: this worker may not work here. */
  async run(): Promise<void> {
    let laneId: string | undefined;
    let failures = 0;
    while (!this.#draining.signal.aborted) {
      try {
        laneId ??= await this.#register();
        const { lease, atMs } = await this.#ask(laneId);
        failures = 0;
        if (lease !== null) await this.#work(laneId, lease, atMs);
      } catch (thrown) {
        const error = toUnderstudyError(thrown);
        if (this.#draining.signal.aborted) return;
        if (error.code === 'UNAUTHENTICATED') {
          await this.#options.onTokenRefused(this.#draining.signal);
          continue;
        }
        if (isShutOut(error)) throw error;
        // The coordinator's memory of this lane is gone; the next try registers it again.
        if (error.code === 'NOT_FOUND') laneId = undefined;
        failures += 1;
        await this.#waitAfter(error, failures);
      }
    }
  }

  /** Takes no more work; what is under way is finished if that is quick, else handed back. */
  drain(): void {
    this.#attempt?.drain('shutdown');
    this.#draining.abort();
  }

  /** Like {@link drain}, without grace. */
  abort(): void {
    this.#attempt?.abort();
    this.#draining.abort();
  }

  async #register(): Promise<string> {
    const { client, registration, log, onRegistered } = this.#options;
    const { laneId } = await client.call('registerLane', { body: registration }, { signal: this.#draining.signal });
    log.info({ laneId }, 'lane registered');
    onRegistered();
    return laneId;
  }

  async #ask(laneId: string): Promise<{ lease: Lease | null; atMs: number }> {
    const { client, leaseWaitSeconds } = this.#options;
    const request = { params: { laneId }, body: { waitSeconds: leaseWaitSeconds } };
    const { lease } = await client.call('leaseTask', request, { signal: this.#draining.signal });
    return { lease, atMs: monotonicMs() };
  }

  async #work(laneId: string, lease: Lease, receivedAtMs: number): Promise<void> {
    const { onAttempt } = this.#options;
    const attempt = new Attempt({ ...this.#options, laneId }, lease, receivedAtMs);
    this.#attempt = attempt;
    onAttempt(lease);
    // The order to drain may have come with the lease.
    if (this.#draining.signal.aborted) attempt.drain('shutdown');
    try {
      await attempt.run();
    } finally {
      this.#attempt = undefined;
      onAttempt(null);
    }
    if (attempt.failedWith === 'DISK_FULL') await this.#waitForRoom();
  }

  /** A lane without room on its disk would only fail the next task too: it asks for none until there is more, or a while. */
  async #waitForRoom(): Promise<void> {
    const { scratch, log } = this.#options;
    const signal = this.#draining.signal;
    const freeBytes = await freeBytesAt(scratch);
    const untilMs = monotonicMs() + NO_ROOM_PAUSE_MS;
    log.warn({ freeBytes }, 'the scratch disk is full; no task is asked for until there is more room');
    while (!signal.aborted && monotonicMs() < untilMs) {
      await pause(ROOM_LOOK_MS, signal);
      if ((await freeBytesAt(scratch)) > freeBytes + ROOM_BYTES) return;
    }
  }

  async #waitAfter(error: UnderstudyError, failures: number): Promise<void> {
    const { log, random } = this.#options;
    const ceilingMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10));
    const ms = Math.round(ceilingMs * (0.5 + 0.5 * random()));
    log.warn({ code: error.code, failures, waitMs: ms }, 'no work to be had');
    await pause(ms, this.#draining.signal);
  }
}

async function freeBytesAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
