import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type ShotState, UnderstudyError } from '@understudy/contracts';
import { type Database, personal } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { DATABASE } from '../platform/tokens.js';
import { TaskWriter } from '../shards/task-writer.js';
import { StageTransitions } from '../stages/stage-transitions.js';
import { type BaseVersion, ResubmissionRepository } from './resubmission.repository.js';
import { Resubmissions } from './resubmissions.js';
import type { ShotHead } from './shot-row.js';

const RETRIED: readonly ShotState[] = ['rendering', 'failed', 'cancelled'];

/** Renders a shot from its first frame again, free of the parity class that it began with: where no lane is of that class any more. */
@Injectable()
export class RendersAnew {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly repository: ResubmissionRepository,
    private readonly resubmissions: Resubmissions,
    private readonly transitions: StageTransitions,
    private readonly tasks: TaskWriter,
  ) {}

  /**
   * A version of its own, so that no shard is ever accepted twice and nothing of the old class is joined with the new. The one
   * before, if it renders still, is cancelled in the same transaction.
   *
   * @throws UnderstudyError CONFLICT for a shot that neither renders nor failed nor was cancelled, or whose frames are not all of the
   * same settings; what `Resubmissions` throws
   */
  async renderAll(actor: Actor, head: ShotHead, reason: string): Promise<void> {
    await this.database.hotTransaction(async (sql) => {
      const base = await this.repository.base(sql, head.id);
      requireRetried(base);
      const frames = requireAlike(base, (await this.repository.shards(sql, base.id)).length);
      if (base.state === 'rendering') {
        await this.transitions.move(sql, {
          shotVersionId: base.id,
          from: ['rendering'],
          to: 'cancelled',
          actor: actor.label,
          patch: { errorCode: 'CANCELLED', errorMessage: 'All of its frames are rendered anew.', errorDetails: null },
          data: { reason: personal(reason), anyClass: true },
        });
        await this.tasks.cancelOf(sql, base.id, 'stop', actor.label);
      }
      const asked: RouteInput<'resubmitShot'>['body'] = { frames: { startFrame: 0, endFrame: frames }, reason };
      await this.resubmissions.resubmitIn(sql, actor, head, asked);
    });
  }
}

function requireRetried(base: BaseVersion | null): asserts base is BaseVersion {
  if (base === null) throw new UnderstudyError('NOT_FOUND', 'There is no such shot.');
  if (RETRIED.includes(base.state)) return;
  throw new UnderstudyError('CONFLICT', `The shot is ${base.state}; one that renders, or failed, is rendered anew.`, {
    details: { state: base.state },
  });
}

/** @returns how many frames it has */
function requireAlike({ frames, settings }: BaseVersion, shards: number): number {
  if (frames === null || shards === 0) {
    throw new UnderstudyError('CONFLICT', 'The shot was never planned, so it has no parity class; retry it without.');
  }
  const { partial } = settings;
  if (partial === undefined || (partial.startFrame === 0 && partial.endFrame === frames)) return frames;
  throw new UnderstudyError(
    'CONFLICT',
    `Only its frames ${partial.startFrame} to ${partial.endFrame - 1} are of its own settings; cancel it and resubmit the frames 0 to ${frames - 1}, which says by which.`,
    { details: { frames, ...partial } },
  );
}
