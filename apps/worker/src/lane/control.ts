/**
 * What the lane's threads know of the attempt they work on, in shared memory: whether to go on, until when, and how far
 * they are. The protocol thread writes orders and the lease's end; no blocked inference can keep them from the writer.
 */

export const STOP_REASONS = ['stop', 'revoked', 'expired', 'stale', 'drain', 'shutdown'] as const;
export type StopReason = (typeof STOP_REASONS)[number];

const STOP = 0;
const FRAMES_DONE = 1;
const WORDS = 2;
const DEADLINE_OFFSET = 8;
const RECEIVED_OFFSET = 16;

/** How often a thread looks whether the lease has ended; orders are told at once. */
const LOOK_MS = 100;

export class LaneControl {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #deadline: BigInt64Array;
  readonly #received: BigInt64Array;

  constructor(shared = new SharedArrayBuffer(RECEIVED_OFFSET + 8)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, WORDS);
    this.#deadline = new BigInt64Array(shared, DEADLINE_OFFSET, 1);
    this.#received = new BigInt64Array(shared, RECEIVED_OFFSET, 1);
  }

  /** Begins an attempt whose lease ends at `deadlineMs` of {@link monotonicMs}. */
  begin(deadlineMs: number): void {
    Atomics.store(this.#words, FRAMES_DONE, 0);
    this.received(0);
    this.extend(deadlineMs);
    Atomics.store(this.#words, STOP, 0);
  }

  extend(deadlineMs: number): void {
    Atomics.store(this.#deadline, 0, BigInt(Math.floor(deadlineMs)));
  }

  /** When the lease ends, by {@link monotonicMs}. */
  get deadlineMs(): number {
    return Number(Atomics.load(this.#deadline, 0));
  }

  /** The first reason stays. */
  stop(reason: StopReason): void {
    Atomics.compareExchange(this.#words, STOP, 0, 1 + STOP_REASONS.indexOf(reason));
    Atomics.notify(this.#words, STOP);
  }

  /** Why to stop, or null to go on. A lease that has ended stops by itself, whoever noticed. */
  stopReason(nowMs: number = monotonicMs()): StopReason | null {
    if (BigInt(Math.floor(nowMs)) >= Atomics.load(this.#deadline, 0)) this.stop('expired');
    const word = Atomics.load(this.#words, STOP);
    return word === 0 ? null : (STOP_REASONS[word - 1] ?? 'stop');
  }

  /** Bytes of what the attempt needs that are at hand. */
  get receivedBytes(): number {
    return Number(Atomics.load(this.#received, 0));
  }

  received(bytes: number): void {
    Atomics.store(this.#received, 0, BigInt(bytes));
  }

  get framesDone(): number {
    return Atomics.load(this.#words, FRAMES_DONE);
  }

  /** One more, by whichever thread. */
  frameDone(): void {
    Atomics.add(this.#words, FRAMES_DONE, 1);
  }

  /** The same attempt begins once more. */
  restartFrames(): void {
    Atomics.store(this.#words, FRAMES_DONE, 0);
  }

  /** Aborts as soon as there is a reason to stop. `close` ends the watch. */
  watch(): { signal: AbortSignal; close(): void } {
    const controller = new AbortController();
    const look = () => {
      const reason = this.stopReason();
      if (reason !== null) controller.abort(new Stopped(reason));
    };
    const timer = setInterval(look, LOOK_MS);
    const closed = new AbortController();
    const follow = async () => {
      while (!closed.signal.aborted && !controller.signal.aborted) {
        look();
        const told = Atomics.waitAsync(this.#words, STOP, 0);
        if (told.async) await told.value;
      }
    };
    void follow();
    const close = () => {
      closed.abort();
      clearInterval(timer);
      Atomics.notify(this.#words, STOP);
    };
    return { signal: controller.signal, close };
  }
}

/** The work was stopped from outside; nothing of it is a failure. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(`stopped: ${reason}`);
    this.reason = reason;
  }
}

/** One clock for all threads of a process, that nobody can set back. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
