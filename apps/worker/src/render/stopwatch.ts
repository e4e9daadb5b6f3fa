/** Wall milliseconds by stage. */
export class Stopwatch {
  readonly #spentMs: Record<string, number> = {};
  #stage = '';
  #since = 0;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** From now on time counts for this stage. */
  enter(stage: string): void {
    const now = this.nowMs();
    if (this.#stage !== '') this.#spentMs[this.#stage] = (this.#spentMs[this.#stage] ?? 0) + now - this.#since;
    this.#stage = stage;
    this.#since = now;
  }

  /** Ends the present stage. */
  times(): Record<string, number> {
    this.enter('');
    return Object.fromEntries(Object.entries(this.#spentMs).map(([stage, ms]) => [stage, Math.round(ms * 10) / 10]));
  }
}
