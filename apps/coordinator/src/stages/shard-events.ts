import { Injectable } from '@nestjs/common';
import { type ErrorCode, isErrorCode, UnderstudyError, type ShotState, type TaskKind } from '@understudy/contracts';
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
  readonly taskId: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  /** Its number among those of its kind, from 1: by it its attempts' logs are found. */
  readonly shard: number;
  readonly startFrame: number;
  readonly endFrame: number;
  /** Ranges that were set aside, itself among them. */
  readonly setAside: number;
}

/** The first of a version's ranges that were set aside. */
const FAILED = `SELECT id AS "taskId", error_code AS "errorCode", error_message AS "errorMessage", start_frame AS "startFrame",
  end_frame AS "endFrame",
  (SELECT count(*)::int FROM tasks k WHERE k.shot_version_id = t.shot_version_id AND k.kind = t.kind
     AND k.start_frame <= t.start_frame) AS shard,
  (SELECT count(*)::int FROM tasks k WHERE k.shot_version_id = t.shot_version_id AND k.kind = t.kind
     AND k.state = 'failed') AS "setAside"
  FROM tasks t WHERE shot_version_id = $1 AND kind = $2::task_kind AND state = 'failed' ORDER BY start_frame LIMIT 1`;

/** What follows when lanes settled a task; in the transaction that settles it, after the task's own row changed. */
@Injectable()
export class ShardEvents {
  constructor(
    private readonly transitions: StageTransitions,
    private readonly failures: ShotFailures,
    private readonly outbox: Outbox,
    private readonly checks: OutputChecks,
  ) {}

  /** An accepted template is read from its result; an accepted range may be its shot's last. */
  async onAccepted(sql: Sql, task: SettledTask): Promise<void> {
    const { kind, shotVersionId } = task;
    if (kind === 'enrol') return this.outbox.enqueue(sql, 'template', task.id, { taskId: task.id });
    if (shotVersionId !== null) await this.#settle(sql, shotVersionId, kind);
  }

  /**
   * A range that failed for good is set aside, and the others of its shot go on. A template that can't be read says so, once
   * another could not either.
   */
  async onFailed(sql: Sql, task: SettledTask): Promise<void> {
    const { kind, shotVersionId } = task;
    if (kind !== 'enrol') {
      if (shotVersionId !== null) await this.#settle(sql, shotVersionId, kind);
      return;
    }
    if (await this.checks.askAgain(sql, task.id)) return;
    const [row] = await sql.query<Pick<FailedTask, 'errorCode' | 'errorMessage'>>(
      `SELECT error_code AS "errorCode", error_message AS "errorMessage" FROM tasks WHERE id = $1`,
      [task.id],
    );
    await sql.query(
      `UPDATE face_templates SET state = 'failed', error_code = $2, error_message = $3
        WHERE task_id = $1 AND state = 'pending'`,
      [task.id, codeOf(row), messageOf(row)],
    );
    await this.checks.onRead(sql, task.id);
  }

  /** When no range is left to do the shot moves on, or fails where some were set aside. */
  async #settle(sql: Sql, shotVersionId: string, kind: 'analyse' | 'render'): Promise<void> {
    // Two last ranges that end at once would each not see the other's row: the version's row lines them up.
    await sql.query('SELECT 1 FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE', [shotVersionId]);
    const [open] = await sql.query(
      `SELECT 1 FROM tasks WHERE shot_version_id = $1 AND kind = $2::task_kind AND state <> 'accepted' AND state <> 'failed'
        LIMIT 1`,
      [shotVersionId, kind],
    );
    if (open !== undefined) return;
    const [failed] = await sql.query<FailedTask>(FAILED, [shotVersionId, kind]);
    if (failed === undefined) {
      const { from, to } = NEXT[kind];
      await this.transitions.move(sql, { shotVersionId, from: [from], to, actor: SYSTEM_ACTOR });
      return;
    }
    const { taskId, shard, startFrame, endFrame, setAside } = failed;
    const details = { taskId, kind, shard, startFrame, endFrame, setAside };
    const error = new UnderstudyError(codeOf(failed), messageOf(failed), { details });
    await this.failures.fail(sql, shotVersionId, error, SYSTEM_ACTOR);
  }
}

function codeOf(task: Pick<FailedTask, 'errorCode'> | undefined): ErrorCode {
  return isErrorCode(task?.errorCode) ? task.errorCode : 'SHARD_FAILED';
}

function messageOf(task: Pick<FailedTask, 'errorMessage'> | undefined): string {
  return oneLine(task?.errorMessage ?? 'A range failed too often; see its attempts.');
}
