import { Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { Anchor } from './anchor.js';
import { SequencerLoop } from './sequencer-loop.js';
import { TreeRepository } from './tree.repository.js';

/** Waiting until a committed event has its place in the log, under a signed and anchored checkpoint. */
@Injectable()
export class LogInclusion {
  constructor(
    private readonly loop: SequencerLoop,
    private readonly anchor: Anchor,
    private readonly tree: TreeRepository,
  ) {}

  /**
   * Waits for the newest event of a kind about something.
   *
   * @throws UnderstudyError LOG_BEHIND_ANCHOR where the log has none, or takes nothing at the moment; BUCKET_UNAVAILABLE
   */
  async wait(action: string, subjectId: string): Promise<void> {
    const eventId = await this.tree.newestEvent(action, subjectId);
    if (eventId !== null && (await this.#isAnchored(eventId))) return;
    await this.loop.turn({ wait: true });
    if (eventId !== null && (await this.#isAnchored(eventId))) return;
    throw new UnderstudyError(
      'LOG_BEHIND_ANCHOR',
      'This is decided and written down, but the audit log gives it no place now; see what /api/v1/health says of the log.',
    );
  }

  async #isAnchored(eventId: string): Promise<boolean> {
    const leaf = await this.tree.indexOf(eventId);
    return leaf !== null && this.anchor.vouchesFor(leaf.index);
  }
}
