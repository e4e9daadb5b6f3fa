/** What a lane speaks to the coordinator with. The supervisor, which alone has the host's key, replaces it in time. */
export class LaneToken {
  #value: string;
  readonly #ask: (refused: string) => void;
  #waiting: (() => void)[] = [];

  /** @param ask asks for another, where this one is refused */
  constructor(value: string, ask: (refused: string) => void) {
    this.#value = value;
    this.#ask = ask;
  }

  get value(): string {
    return this.#value;
  }

  replace(value: string): void {
    this.#value = value;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Resolves when there is another one, or by the signal. */
  async another(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.#ask(this.#value);
    });
  }
}
