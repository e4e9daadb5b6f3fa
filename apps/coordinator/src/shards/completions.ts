import { Inject, Injectable } from '@nestjs/common';
import { type CompleteAttempt, toUnderstudyError, type UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import { ConsentGate } from '../consents-gate/consent-gate.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { consentRefusal } from '../stages/shot-failures.js';
import { ShardEvents } from '../stages/shard-events.js';
import { type Attempt, isCurrent, ordered } from './attempt.js';
import { AttemptAudit } from './attempt-audit.js';
import { AttemptEnds, noSuchAttempt } from './attempt-ends.js';
import { AttemptRepository } from './attempt.repository.js';
import { LaneRepository } from './lane.repository.js';
import { Refusals } from './refusals.js';
import { ResultVerifier } from './result-verifier.js';

/** What a step found: go on, or why not. Thrown only after its transaction ended, so that nothing of it is lost. */
type Step =
  | { kind: 'go'; attempt: Attempt }
  | { kind: 'done' }
  | { kind: 'stale'; attempt: Attempt }
  | { kind: 'ordered'; attempt: Attempt; order: 'stop' | 'revoked' }
  | { kind: 'refused'; attempt: Attempt; error: UnderstudyError };

/** Verification found fault with the bytes themselves, not with anything around them. */
const AT_FAULT = new Set(['SEGMENT_INVALID', 'UPLOAD_MISMATCH', 'UNREADABLE_MEDIA']);

/** A lane's result: *reported* when it says so, *accepted* once it was verified. Only the newest epoch's counts. */
@Injectable()
export class Completions {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly attempts: AttemptRepository,
    private readonly lanes: LaneRepository,
    private readonly gate: ConsentGate,
    private readonly refusals: Refusals,
    private readonly verifier: ResultVerifier,
    private readonly ends: AttemptEnds,
    private readonly events: ShardEvents,
    private readonly audit: AttemptAudit,
  ) {}

  /**
   * Reporting the same result again is answered alike, whether the first answer was lost or is still to come.
   *
   * @throws STALE_EPOCH when the attempt is over; the consent's error; CANCELLED; SEGMENT_INVALID, UPLOAD_MISMATCH
   */
  async complete(workerId: string, attemptId: string, report: CompleteAttempt): Promise<void> {
    const own = await this.attempts.find(this.database, attemptId, workerId);
    if (own === undefined) throw noSuchAttempt();
    const reported = await this.#step(own, report, async (sql, attempt) => {
      if (attempt.state === 'reported') return;
      await this.attempts.report(sql, attempt.id, report, this.config.LEASE_SECONDS);
      const { sha256, bytes, frames } = report.result;
      await this.audit.append(sql, attempt, 'reported', { sha256, bytes, frames });
    });
    if (reported === null) return;
    if (!(await this.#verify(reported, report))) return;
    await this.#step(own, report, async (sql, attempt) => await this.#accept(sql, attempt, report));
  }

  /**
   * One transaction on the attempt with version, consents, task and attempt held in this order.
   *
   * @returns null when the very same result is accepted already
   */
  async #step(
    own: Attempt,
    report: CompleteAttempt,
    work: (sql: Sql, attempt: Attempt) => Promise<void>,
  ): Promise<Attempt | null> {
    const step = await this.database.hotTransaction(async (sql) => await this.#look(sql, own, report, work));
    if (step.kind === 'go') return step.attempt;
    if (step.kind === 'done') return null;
    await this.objects.discardUpload(own.id);
    if (step.kind === 'stale') return await this.audit.refuseStale(step.attempt, 'complete');
    if (step.kind === 'ordered') throw ordered(step.order);
    if (own.shotVersionId !== null) await this.refusals.refuse(own.shotVersionId, 'complete');
    throw step.error;
  }

  async #look(
    sql: Sql,
    own: Attempt,
    report: CompleteAttempt,
    work: (sql: Sql, attempt: Attempt) => Promise<void>,
  ): Promise<Step> {
    const { shotVersionId } = own;
    const verdict =
      shotVersionId === null ? null : await this.gate.check(sql, shotVersionId, 'complete', { lock: true });
    const attempt = (await this.attempts.hold(sql, own.id)) ?? own;
    const same = attempt.result?.sha256 === report.result.sha256 && attempt.epoch === report.epoch;
    if (attempt.state === 'accepted' && same) return { kind: 'done' };
    if (!isCurrent(attempt, report.epoch)) return { kind: 'stale', attempt };
    if (attempt.state === 'reported' && !same) return { kind: 'stale', attempt };
    if (attempt.order !== null) return { kind: 'ordered', attempt, order: attempt.order };
    if (verdict !== null && !verdict.allowed) {
      return { kind: 'refused', attempt, error: consentRefusal(verdict, 'complete') };
    }
    await work(sql, attempt);
    return { kind: 'go', attempt };
  }

  /** @returns false when another request about the same report saw it through meanwhile */
  async #verify(attempt: Attempt, report: CompleteAttempt): Promise<boolean> {
    const leaseSeconds = this.config.LEASE_SECONDS;
    // The lane waits for the answer: its lease goes on while this end is at work.
    const beat = { epoch: report.epoch, framesDone: report.result.frames, leaseSeconds };
    const alive = setInterval(() => {
      this.attempts.extend(this.database, attempt.id, beat).catch(() => undefined);
    }, leaseSeconds * 300);
    try {
      await this.verifier.verify(attempt, report.result);
      return true;
    } catch (thrown) {
      const error = toUnderstudyError(thrown);
      if (!AT_FAULT.has(error.code)) throw error;
      if (await this.#reject(attempt, report, error)) throw error;
      return false;
    } finally {
      clearInterval(alive);
    }
  }

  async #reject(own: Attempt, report: CompleteAttempt, error: UnderstudyError): Promise<boolean> {
    return await this.database.hotTransaction(async (sql) => {
      await this.attempts.holdVersion(sql, own.shotVersionId);
      const attempt = await this.attempts.hold(sql, own.id);
      if (attempt === undefined || !isCurrent(attempt, report.epoch)) return attempt?.state !== 'accepted';
      const { code, message } = error;
      await this.ends.failed(sql, attempt, 'rejected', { code, message, retryable: true });
      return true;
    });
  }

  async #accept(sql: Sql, attempt: Attempt, { result }: CompleteAttempt): Promise<void> {
    if (attempt.kind === 'render') await this.attempts.addSegment(sql, attempt, result);
    await this.attempts.acceptTask(sql, attempt.taskId);
    await this.attempts.end(sql, attempt.id, { state: 'accepted' });
    await this.lanes.freeIfDone(sql, attempt.laneId);
    await this.audit.append(sql, attempt, 'accepted', { sha256: result.sha256, frames: result.frames });
    const { taskId: id, kind, shotVersionId } = attempt;
    await this.events.onAccepted(sql, { id, kind, shotVersionId });
  }
}
