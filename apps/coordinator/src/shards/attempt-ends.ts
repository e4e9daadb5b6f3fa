import { Inject, Injectable } from '@nestjs/common';
import { type ErrorCode, UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import { DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { ShardEvents } from '../stages/shard-events.js';
import { type Attempt, isCurrent } from './attempt.js';
import { AttemptAudit } from './attempt-audit.js';
import { AttemptRepository, type ExpiredAttempt } from './attempt.repository.js';
import { LaneTrust } from './lane-trust.js';
import { TASKS_CHANNEL } from './wake-ups.js';

/** A task that failed so often fails for good. */
export const MOST_FAILURES = 3;
/** A task under which so many lanes went silent fails for good: it may be what ends them. */
export const MOST_EXPIRIES = 10;
/** Pause before the next try, doubled with each failure. */
const FIRST_PAUSE_SECONDS = 1;

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** The ways an attempt ends without a result that counts. Each in one transaction with its audit event. */
@Injectable()
export class AttemptEnds {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly attempts: AttemptRepository,
    private readonly trust: LaneTrust,
    private readonly events: ShardEvents,
    private readonly audit: AttemptAudit,
  ) {}

  /** The lane says that it could not do it. */
  async fail(workerId: string, attemptId: string, epoch: number, failure: Failure): Promise<void> {
    await this.#byLane(workerId, attemptId, epoch, 'fail', async (sql, attempt) => {
      await this.failed(sql, attempt, 'failed', failure);
    });
  }

  /** The lane hands it back unfinished; that counts against nobody. */
  async release(workerId: string, attemptId: string, epoch: number, reason: string): Promise<void> {
    await this.#byLane(workerId, attemptId, epoch, 'release', async (sql, attempt) => {
      const state = attempt.order === null ? 'released' : 'stopped';
      await this.attempts.end(sql, attempt.id, { state });
      await this.audit.append(sql, attempt, state, { reason });
      await this.#requeue(sql, attempt, attempt.failures, 0);
    });
  }

  /** @returns whether the attempt had run out, and nobody else ended it meanwhile */
  async expire(sql: Sql, { id: attemptId, shotVersionId }: ExpiredAttempt): Promise<boolean> {
    await this.attempts.holdVersion(sql, shotVersionId);
    const attempt = await this.attempts.hold(sql, attemptId);
    if (attempt === undefined || !isCurrent(attempt, attempt.epoch)) return false;
    if (!(await this.attempts.hasExpired(sql, attemptId))) return false;
    await this.attempts.end(sql, attemptId, { state: 'expired' });
    await this.audit.append(sql, attempt, 'expired', { reported: attempt.state === 'reported' });
    await this.trust.free(sql, attempt.laneId);
    if ((await this.attempts.expiries(sql, attempt.taskId)) >= MOST_EXPIRIES) {
      const message = `${MOST_EXPIRIES} lanes went silent while they worked on this range.`;
      await this.#giveUp(sql, attempt, attempt.failures, { code: 'WORKER_LOST', message, retryable: false });
    } else {
      await this.#requeue(sql, attempt, attempt.failures, 0);
    }
    return true;
  }

  /** A lane that says it is alive and makes no frame is failed like one that says so itself. @returns whether it was still stuck */
  async stuck(sql: Sql, { id: attemptId, shotVersionId }: ExpiredAttempt, seconds: number): Promise<boolean> {
    await this.attempts.holdVersion(sql, shotVersionId);
    const attempt = await this.attempts.hold(sql, attemptId);
    if (attempt === undefined || !isCurrent(attempt, attempt.epoch)) return false;
    if (!(await this.attempts.isStuck(sql, attemptId, seconds))) return false;
    const message = `The lane made no frame for ${seconds} s.`;
    await this.failed(sql, attempt, 'failed', { code: 'WORKER_LOST', message, retryable: true });
    return true;
  }

  /** Ends a held attempt as failed or rejected; its task is tried again after a pause, or fails for good. */
  async failed(sql: Sql, attempt: Attempt, state: 'failed' | 'rejected', failure: Failure): Promise<void> {
    const { code, message, retryable } = failure;
    const failures = attempt.failures + 1;
    await this.attempts.end(sql, attempt.id, { state, error: { code, message } });
    await this.audit.append(sql, attempt, state, { code, retryable, failures });
    await this.trust.free(sql, attempt.laneId);
    // Input that is at fault says nothing about the lane.
    if (retryable) await this.trust.afterFailure(sql, attempt);
    if (retryable && failures < MOST_FAILURES) {
      await this.#requeue(sql, attempt, failures, FIRST_PAUSE_SECONDS * 2 ** (failures - 1));
    } else {
      await this.#giveUp(sql, attempt, failures, failure);
    }
  }

  async #byLane(
    workerId: string,
    attemptId: string,
    epoch: number,
    report: string,
    work: (sql: Sql, attempt: Attempt) => Promise<void>,
  ): Promise<void> {
    const own = await this.attempts.find(this.database, attemptId, workerId);
    if (own === undefined) throw noSuchAttempt();
    const stale = await this.database.hotTransaction(async (sql) => {
      await this.attempts.holdVersion(sql, own.shotVersionId);
      const attempt = await this.attempts.hold(sql, attemptId);
      if (attempt === undefined || !isCurrent(attempt, epoch)) return attempt ?? own;
      await work(sql, attempt);
      await this.trust.free(sql, attempt.laneId);
      return null;
    });
    await this.objects.discardUpload(attemptId);
    if (stale !== null) await this.audit.refuseStale(stale, report);
  }

  async #requeue(sql: Sql, attempt: Attempt, failures: number, afterSeconds: number): Promise<void> {
    // A cancelled task stays cancelled, whatever its attempt does.
    if (attempt.taskState !== 'leased' && attempt.taskState !== 'reported') return;
    await this.attempts.requeueTask(sql, attempt.taskId, { failures, afterSeconds });
    await sql.query(`SELECT pg_notify($1, '')::text`, [TASKS_CHANNEL]);
  }

  async #giveUp(sql: Sql, attempt: Attempt, failures: number, failure: Failure): Promise<void> {
    if (attempt.taskState !== 'leased' && attempt.taskState !== 'reported') return;
    const { code, message } = failure;
    await this.attempts.failTask(sql, attempt.taskId, { failures, code, message });
    const { taskId: id, kind, shotVersionId } = attempt;
    await this.events.onFailed(sql, { id, kind, shotVersionId });
  }
}

export function noSuchAttempt(): UnderstudyError {
  return new UnderstudyError('NOT_FOUND', 'This worker has no such attempt.');
}
