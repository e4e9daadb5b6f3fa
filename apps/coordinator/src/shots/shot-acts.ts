import { Inject, Injectable } from '@nestjs/common';
import { type ShotState, UnderstudyError } from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { DATABASE } from '../platform/tokens.js';
import { TaskWriter } from '../shards/task-writer.js';
import { StageShotRepository } from '../stages/stage-shot.repository.js';
import { StageTransitions, WORKING_STATES } from '../stages/stage-transitions.js';

const CANCELLABLE: readonly ShotState[] = [...WORKING_STATES, 'held'];

/** What a person does to a shot that is under way. */
@Injectable()
export class ShotActs {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly shots: StageShotRepository,
    private readonly transitions: StageTransitions,
    private readonly tasks: TaskWriter,
  ) {}

  /** Cancelling again is no error. @throws UnderstudyError NOT_CANCELLABLE for a shot that has ended otherwise */
  async cancel(actor: Actor, shotId: string, reason: string): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const version = await this.#newest(sql, shotId);
      if (version.state === 'cancelled') return;
      const moved = await this.transitions.move(sql, {
        shotVersionId: version.id,
        from: CANCELLABLE,
        to: 'cancelled',
        actor: actor.label,
        patch: {
          cancelReason: reason,
          errorCode: 'CANCELLED',
          errorMessage: 'The shot was cancelled.',
          errorDetails: null,
        },
        data: { reason: personal(reason) },
      });
      if (moved === null) {
        throw new UnderstudyError('NOT_CANCELLABLE', `The shot is ${version.state}; there is nothing to cancel.`, {
          details: { state: version.state },
        });
      }
      await this.tasks.cancelOf(sql, version.id, 'stop', actor.label);
    });
  }

  /**
   * Goes on where the shot was held, for this reason.
   *
   * @throws UnderstudyError CONFLICT for a shot that is not held; FORBIDDEN for who submitted what the look at the output held
   */
  async resume(actor: Actor, shotId: string, reason: string): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const version = await this.#newest(sql, shotId);
      const shot = await this.shots.find(sql, version.id);
      const to = version.heldFrom;
      if (version.state !== 'held' || to === null || shot === null) {
        throw new UnderstudyError('CONFLICT', `The shot is ${version.state}, not held.`, {
          details: { state: version.state },
        });
      }
      if (to === 'verifying' && shot.project.profile === 'farm' && shot.submitters.includes(actor.id)) {
        throw new UnderstudyError(
          'FORBIDDEN',
          'What its output held is resumed by another person than who submitted it.',
        );
      }
      await this.transitions.move(sql, {
        shotVersionId: version.id,
        from: ['held'],
        to,
        actor: actor.label,
        patch: {
          heldFrom: null,
          errorCode: null,
          errorMessage: null,
          errorDetails: null,
          settings: { ...shot.settings, acceptUncertain: reason },
        },
        data: { resumed: true, reason: personal(reason) },
      });
    });
  }

  /** The newest version, its row held. */
  async #newest(sql: Sql, shotId: string): Promise<{ id: string; state: ShotState; heldFrom: ShotState | null }> {
    const [row] = await sql.query<{ id: string; state: ShotState; heldFrom: ShotState | null }>(
      `SELECT id, state::text AS state, held_from::text AS "heldFrom" FROM shot_versions
        WHERE shot_id = $1 ORDER BY version DESC LIMIT 1 FOR NO KEY UPDATE`,
      [shotId],
    );
    if (row === undefined) throw new UnderstudyError('NOT_FOUND', 'There is no such shot.');
    return row;
  }
}
