import { Injectable } from '@nestjs/common';
import { isErrorCode, UnderstudyError, type ShotState, type TaskKind } from '@understudy/contracts';
import type { Sql } from '@understudy/db';
import { SYSTEM_ACTOR } from '../access/actor.js';
import { OutputChecks } from '../output-gate/output-checks.js';
import { Outbox } from './outbox.js';
import { oneLine, ShotFailures } from './shot-failures.js';
import { StageTransitions } from './stage-transitions.js';

/** A task as its settling concerns the stages. */
export interface SettledTask {
  readonly id: string;
  readonly kind: TaskKind;
  readonly shotVersionId: string | null;
}

const NEXT: Readonly<Record<'analyse' | 'render', { from: ShotState; to: ShotState }>> = {
  analyse: { from: 'analysing', to: 'linking' },
  render: { from: 'rendering', to: 'assembling' },
};

interface FailedTask {
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  /** Its number among those of its kind, from 1: by it its attempts' logs are found. */
  readonly shard: number;
  readonly startFrame: number;
  readonly endFrame: number;
}

const FAILED = `SELECT error_code AS "errorCode", error_message AS "errorMessage", start_frame AS "startFrame",
  end_frame AS "endFrame",
  (SELECT count(*)::int FROM tasks k WHERE k.shot_version_id = t.shot_version_id AND k.kind = t.kind
     AND k.start_frame <= t.start_frame) AS shard
  FROM tasks t WHERE id = $1`;

/** What follows when lanes settled a task; in the transaction that settles it, after the task's own row changed. */
@Injectable()
export class ShardEvents {
  constructor(
    private readonly transitions: StageTransitions,
    private readonly failures: ShotFailures,
    private readonly outbox: Outbox,
    private readonly checks: OutputChecks,
  ) {}

  /** The last accepted range moves its shot on; an accepted template is read from its result. */
  async onAccepted(sql: Sql, task: SettledTask): Promise<void> {
    const { kind, shotVersionId } = task;
    if (kind === 'enrol') return this.outbox.enqueue(sql, 'template', task.id, { taskId: task.id });
    if (shotVersionId === null) return;
    // Two last ranges that end at once would each not see the other's row: the version's row lines them up.
    await sql.query('SELECT 1 FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE', [shotVersionId]);
    const [open] = await sql.query(
      `SELECT 1 FROM tasks WHERE shot_version_id = $1 AND kind = $2::task_kind AND state <> 'accepted' LIMIT 1`,
      [shotVersionId, kind],
    );
    if (open !== undefined) return;
    const { from, to } = NEXT[kind];
    await this.transitions.move(sql, { shotVersionId, from: [from], to, actor: SYSTEM_ACTOR });
  }

  /** A range that failed for good fails its shot; a template that can't be read says so, once another could not either. */
  async onFailed(sql: Sql, task: SettledTask): Promise<void> {
    const [row] = await sql.query<FailedTask>(FAILED, [task.id]);
    const code = isErrorCode(row?.errorCode) ? row.errorCode : 'SHARD_FAILED';
    const message = oneLine(row?.errorMessage ?? 'A range failed too often; see its attempts.');
    if (task.kind === 'enrol') {
      if (await this.checks.askAgain(sql, task.id)) return;
      await sql.query(
        `UPDATE face_templates SET state = 'failed', error_code = $2, error_message = $3
          WHERE task_id = $1 AND state = 'pending'`,
        [task.id, code, message],
      );
      await this.checks.onRead(sql, task.id);
      return;
    }
    if (task.shotVersionId === null) return;
    const { shard, startFrame, endFrame } = row ?? {};
    const details = { taskId: task.id, kind: task.kind, shard, startFrame, endFrame };
    const error = new UnderstudyError(code, message, { details });
    await this.failures.fail(sql, task.shotVersionId, error, SYSTEM_ACTOR);
  }
}
