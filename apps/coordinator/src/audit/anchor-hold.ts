import { Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';

/**
 * Set when the database holds less, or something else, than what was anchored outside it: a restored backup could bring a
 * revoked consent back. No lease is given, no consent activated, nothing released or handed out, and nothing placed in the
 * log until two people have accepted that, or the coordinator is started with the two in agreement. Before the first
 * comparison nobody knows, so none of it is done either.
 */
@Injectable()
export class AnchorHold {
  #disagreement: string | null = null;
  #notCompared: string | null = null;

  /** Why no lease is given; null while leases are. */
  get reason(): string | null {
    return this.#disagreement ?? this.#notCompared;
  }

  get disagrees(): boolean {
    return this.#disagreement !== null;
  }

  get isCompared(): boolean {
    return this.#notCompared === null;
  }

  /** The first comparison could not be made. */
  cannotCompare(why: string): void {
    this.#notCompared = `what is anchored outside the database could not be read since the start. ${why}`;
  }

  /** @param disagreement null where the two agree */
  compared(disagreement: string | null): void {
    this.#disagreement = disagreement;
    this.#notCompared = null;
  }

  /**
   * Asked before whatever rests on consents that may have ended since.
   *
   * @throws UnderstudyError LOG_BEHIND_ANCHOR
   */
  refuse(what = 'No lease is given'): void {
    const { reason } = this;
    if (reason === null) return;
    throw new UnderstudyError('LOG_BEHIND_ANCHOR', `${what}: ${reason}`);
  }
}
