const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A lane that ran for so long was well; its next crash counts as the first. */
const WELL_AFTER_MS = 60_000;

/** How long a crashed lane stays down: longer each time, so that a lane that can't start does not load the host. */
export class Backoff {
  #crashes = 0;

  /** @param ranForMs how long the lane lived before it crashed */
  pauseMs(ranForMs: number): number {
    this.#crashes = ranForMs >= WELL_AFTER_MS ? 1 : this.#crashes + 1;
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#crashes - 1));
  }
}
