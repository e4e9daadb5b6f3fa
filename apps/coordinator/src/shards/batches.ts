import { setTimeout as delay } from 'node:timers/promises';

export interface BatchOptions {
  /** Inputs that one run takes at most. */
  readonly most: number;
  /** While requests come together, a run waits so long for more of them; a request that comes alone never waits. */
  readonly gatherMs: number;
}

interface Waiting<Input, Output> {
  readonly input: Input;
  readonly resolve: (output: Output) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Does together what is asked at the same time: one run at once, and what comes meanwhile is the next one's. So a
 * transaction's cost is shared by the more requests the busier it is, and an idle farm waits for nothing.
 *
 * When a run fails, each of its inputs is run again by itself: nobody pays for somebody else's fault.
 */
export class Batches<Input, Output> {
  #waiting: Waiting<Input, Output>[] = [];
  #running = false;
  #lastSize = 0;

  constructor(
    private readonly run: (inputs: readonly Input[]) => Promise<readonly Output[]>,
    private readonly options: BatchOptions,
  ) {}

  /** @returns what the run gave at this input's place */
  add(input: Input): Promise<Output> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      if (!this.#running) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const { most, gatherMs } = this.options;
      if (gatherMs > 0 && this.#lastSize > 1 && this.#waiting.length < most) await delay(gatherMs);
      const batch = this.#waiting.splice(0, most);
      this.#lastSize = batch.length;
      await this.#settle(batch);
    }
    this.#running = false;
  }

  async #settle(batch: readonly Waiting<Input, Output>[]): Promise<void> {
    try {
      const outputs = await this.run(batch.map(({ input }) => input));
      for (const [index, { resolve }] of batch.entries()) resolve(outputs[index]!);
    } catch (error) {
      if (batch.length === 1) return batch[0]!.reject(error);
      for (const one of batch) await this.#settle([one]);
    }
  }
}
