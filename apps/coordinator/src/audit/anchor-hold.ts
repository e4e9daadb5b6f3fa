import { Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';

/**
 * Set when the database holds less, or something else, than what was anchored outside it: a restored backup could bring a
 * revoked consent back. No lease is given and nothing is placed in the log until two people have accepted that, or the
 * coordinator is started with the two in agreement.
 */
@Injectable()
export class AnchorHold {
  #reason: string | null = null;

  get reason(): string | null {
    return this.#reason;
  }

  set(reason: string): void {
    this.#reason ??= reason;
  }

  lift(): void {
    this.#reason = null;
  }

  /** @throws UnderstudyError LOG_BEHIND_ANCHOR */
  refuse(): void {
    if (this.#reason === null) return;
    throw new UnderstudyError('LOG_BEHIND_ANCHOR', `No lease is given: ${this.#reason}`);
  }
}
