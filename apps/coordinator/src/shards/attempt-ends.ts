import { Inject, Injectable } from '@nestjs/common';
import { type ErrorCode, UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { endsItsLanes, faultOf, MEDIA_CODES, retryAfter } from '@understudy/policy';
import type { ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { ShardEvents } from '../stages/shard-events.js';
import { type Attempt, isCurrent } from './attempt.js';
import { AttemptAudit } from './attempt-audit.js';
import { AttemptRepository, type ExpiredAttempt } from './attempt.repository.js';
import { LaneTrust } from './lane-trust.js';
import { TASKS_CHANNEL } from './wake-ups.js';

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly retryable: boolean;
}

/** The ways an attempt ends without a result that counts. Each in one transaction with its audit event. */
@Injectable()
export class AttemptEnds {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
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
    const othersLeft = await this.trust.avoid(sql, attempt);
    // What silences all lanes at a time says nothing against one of them.
    if (await this.attempts.othersAreHeard(sql, attempt.laneId)) {
      await this.trust.remember(sql, attempt, 'WORKER_LOST');
    }
    const silences = await this.attempts.silences(sql, attempt.taskId);
    if (endsItsLanes({ ...silences, othersLeft })) {
      const { attempts, lanes } = silences;
      const message = `${attempts} attempts of ${lanes} lane(s) went silent while they worked on this range.`;
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

  /** Ends a held attempt as failed or rejected; its task is tried again, perhaps after a pause, or set aside. */
  async failed(sql: Sql, attempt: Attempt, state: 'failed' | 'rejected', failure: Failure): Promise<void> {
    const { code, message, retryable } = failure;
    const { kind, taskId, laneId } = attempt;
    const fault = faultOf({ kind, code, retryable, atCoordinator: failure.details?.['at'] === 'coordinator' });
    const failures = attempt.failures + (fault === 'host' || fault === 'passing' ? 0 : 1);
    await this.attempts.end(sql, attempt.id, { state, error: { code, message } });
    await this.audit.append(sql, attempt, state, { code, retryable, failures });
    if (fault === 'host') await this.trust.setHostAside(sql, attempt, code);
    await this.trust.free(sql, laneId);
    const othersLeft = await this.trust.avoid(sql, attempt, fault === 'media');
    if (fault === 'task' || fault === 'media') await this.trust.remember(sql, attempt, code);
    const afterSeconds = retryAfter({
      fault,
      failures,
      othersLeft,
      waits: fault === 'host' || fault === 'passing' ? await this.attempts.waits(sql, taskId, attempt.epoch) : 0,
      isAgreed: fault === 'media' && (await this.attempts.isAgreed(sql, taskId, MEDIA_CODES)),
      firstPauseSeconds: this.config.RETRY_PAUSE_SECONDS,
    });
    if (afterSeconds === null) await this.#giveUp(sql, attempt, failures, failure);
    else await this.#requeue(sql, attempt, failures, afterSeconds, failure);
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

  /** @param because why it was tried in vain; shown while it waits */
  async #requeue(
    sql: Sql,
    attempt: Attempt,
    failures: number,
    afterSeconds: number,
    because?: Pick<Failure, 'code' | 'message'>,
  ): Promise<void> {
    // A cancelled task stays cancelled, whatever its attempt does.
    if (attempt.taskState !== 'leased' && attempt.taskState !== 'reported') return;
    await this.attempts.requeueTask(sql, attempt.taskId, { failures, afterSeconds, because });
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
