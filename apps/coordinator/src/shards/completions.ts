import { Inject, Injectable } from '@nestjs/common';
import { type CompleteAttempt, toUnderstudyError, type UnderstudyError } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import type { Config } from '../config/config.js';
import { ConsentGate, type GateVerdict } from '../consents-gate/consent-gate.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { consentRefusal } from '../stages/shot-failures.js';
import { ShardEvents } from '../stages/shard-events.js';
import { type Attempt, isCurrent, ordered } from './attempt.js';
import { AttemptAudit } from './attempt-audit.js';
import { AttemptEnds, noSuchAttempt } from './attempt-ends.js';
import { AttemptRepository } from './attempt.repository.js';
import { Batches } from './batches.js';
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

interface Asked {
  /** As it was before anything was held. */
  readonly own: Attempt;
  readonly report: CompleteAttempt;
}

/** An attempt that is held and whose report counts. */
interface Going {
  readonly attempt: Attempt;
  readonly report: CompleteAttempt;
}

/** Attempts that one transaction takes on at most, and how long it waits for more of them while they come together. */
const BATCH = { most: 64, gatherMs: 24 };

/** Verification found fault with the bytes themselves, not with anything around them. */
const AT_FAULT = new Set(['SEGMENT_INVALID', 'UPLOAD_MISMATCH', 'UNREADABLE_MEDIA']);

/** A lane's result: *reported* when it says so, *accepted* once it was verified. Only the newest epoch's counts. */
@Injectable()
export class Completions {
  readonly #looks = new Batches((ids: readonly string[]) => this.#look(ids), { ...BATCH, gatherMs: 4 });
  readonly #reports = new Batches(
    // Only what is accepted stands on the consents: a report does not wait for acceptances of the same shot, nor they for it.
    (asked: readonly Asked[]) => this.#steps(asked, false, async (sql, going) => await this.#report(sql, going)),
    BATCH,
  );
  readonly #acceptances = new Batches(
    (asked: readonly Asked[]) => this.#steps(asked, true, async (sql, going) => await this.#accept(sql, going)),
    BATCH,
  );

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
    const own = await this.#looks.add(attemptId);
    if (own?.workerId !== workerId) throw noSuchAttempt();
    const reported = await this.#settled(await this.#reports.add({ own, report }), own);
    if (reported === null) return;
    if (!(await this.#verify(reported, report))) return;
    await this.#settled(await this.#acceptances.add({ own, report }), own);
    // The row says now what the upload came to; a repetition of the report asks nothing else.
    await this.objects.discardUpload(attemptId);
  }

  /** @returns null when the very same result is accepted already */
  async #settled(step: Step, own: Attempt): Promise<Attempt | null> {
    if (step.kind === 'go') return step.attempt;
    if (step.kind === 'done') return null;
    await this.objects.discardUpload(own.id);
    if (step.kind === 'stale') return await this.audit.refuseStale(step.attempt, 'complete');
    if (step.kind === 'ordered') throw ordered(step.order);
    if (own.shotVersionId !== null) await this.refusals.refuse(own.shotVersionId, 'complete');
    throw step.error;
  }

  async #look(attemptIds: readonly string[]): Promise<(Attempt | undefined)[]> {
    const rows = new Map((await this.attempts.findAll(this.database, attemptIds)).map((row) => [row.id, row]));
    return attemptIds.map((id) => rows.get(id));
  }

  /** One transaction on several attempts, with versions and consents where `lock` says so, tasks and attempts held in this order. */
  async #steps(
    asked: readonly Asked[],
    lock: boolean,
    work: (sql: Sql, going: readonly Going[]) => Promise<void>,
  ): Promise<readonly Step[]> {
    return await this.database.hotTransaction(async (sql) => {
      const shots = [...new Set(asked.flatMap(({ own }) => own.shotVersionId ?? []))];
      const verdicts = await this.gate.checkAll(sql, shots, 'complete', { lock });
      const ids = [...new Set(asked.map(({ own }) => own.id))];
      const held = new Map((await this.attempts.holdAll(sql, ids)).map((attempt) => [attempt.id, attempt]));
      const going = new Map<string, Going>();
      const steps = asked.map(({ own, report }): Step => {
        const attempt = held.get(own.id) ?? own;
        const verdict = own.shotVersionId === null ? null : (verdicts.get(own.shotVersionId) ?? null);
        const step = stepOf(attempt, report, verdict);
        // The same report may be in one batch twice: its work is done once.
        if (step.kind === 'go' && !going.has(attempt.id)) going.set(attempt.id, { attempt, report });
        return step;
      });
      if (going.size > 0) await work(sql, [...going.values()]);
      return steps;
    });
  }

  async #report(sql: Sql, going: readonly Going[]): Promise<void> {
    const fresh = going.filter(({ attempt }) => attempt.state !== 'reported');
    if (fresh.length === 0) return;
    const reports = fresh.map(({ attempt, report }) => ({ attemptId: attempt.id, report }));
    await this.attempts.report(sql, reports, this.config.LEASE_SECONDS);
    const lines = fresh.map(({ attempt, report }) => {
      const { sha256, bytes, frames } = report.result;
      return { attempt, action: 'reported', data: { sha256, bytes, frames } };
    });
    await this.audit.appendAll(sql, lines);
  }

  /** @returns false when another request about the same report saw it through meanwhile */
  async #verify(attempt: Attempt, report: CompleteAttempt): Promise<boolean> {
    const leaseSeconds = this.config.LEASE_SECONDS;
    // The lane waits for the answer: its lease goes on while this end is at work.
    const beat = { attemptId: attempt.id, epoch: report.epoch, framesDone: report.result.frames };
    const alive = setInterval(() => {
      this.attempts.extend(this.database, [beat], leaseSeconds).catch(() => undefined);
    }, leaseSeconds * 300);
    try {
      await this.verifier.verify(attempt, report.result);
      return true;
    } catch (thrown) {
      const error = toUnderstudyError(thrown);
      if (!AT_FAULT.has(error.code)) throw error;
      const rejected = await this.#reject(attempt, report, error);
      await this.objects.discardUpload(attempt.id);
      await this.verifier.discard(attempt, report.result.sha256);
      if (rejected) throw error;
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

  async #accept(sql: Sql, going: readonly Going[]): Promise<void> {
    const accepted = going.map(({ attempt, report }) => ({ attempt, result: report.result }));
    await this.attempts.accept(sql, accepted);
    const lanes = [...new Set(going.map(({ attempt }) => attempt.laneId))];
    await this.lanes.freeIfDone(sql, lanes, true);
    const lines = accepted.map(({ attempt, result: { sha256, frames } }) => {
      return { attempt, action: 'accepted', data: { sha256, frames } };
    });
    await this.audit.appendAll(sql, lines);
    await this.#follow(sql, going);
  }

  /** What follows an acceptance: of each shot once, and only where nothing is left to do. */
  async #follow(sql: Sql, going: readonly Going[]): Promise<void> {
    const settled = going.map(({ attempt: { taskId: id, kind, shotVersionId } }) => ({ id, kind, shotVersionId }));
    const last = new Map(settled.map((task) => [`${task.kind} ${task.shotVersionId ?? task.id}`, task]));
    const open = await this.attempts.openShots(sql, [...last.values()]);
    for (const [key, task] of last) {
      if (!open.has(key)) await this.events.onAccepted(sql, task);
    }
  }
}

/** Whether this report counts. */
function stepOf(attempt: Attempt, report: CompleteAttempt, verdict: GateVerdict | null): Step {
  const same = attempt.result?.sha256 === report.result.sha256 && attempt.epoch === report.epoch;
  if (attempt.state === 'accepted' && same) return { kind: 'done' };
  if (!isCurrent(attempt, report.epoch)) return { kind: 'stale', attempt };
  if (attempt.state === 'reported' && !same) return { kind: 'stale', attempt };
  if (attempt.order !== null) return { kind: 'ordered', attempt, order: attempt.order };
  if (verdict !== null && !verdict.allowed) {
    return { kind: 'refused', attempt, error: consentRefusal(verdict, 'complete') };
  }
  return { kind: 'go', attempt };
}
