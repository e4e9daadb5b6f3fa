import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { NodeClient } from '@understudy/client/node';
import { type ErrorCode, type Lease, type ObjectRef, UnderstudyError, toUnderstudyError } from '@understudy/contracts';

import type { LaneLog } from '../log.js';
import { AttemptLog } from '../logs/attempt-log.js';
import { withoutFolders } from '../logs/without-folders.js';
import { type LaneControl, type StopReason, Stopped, monotonicMs } from './control.js';
import { finishOrRelease } from './drain-decision.js';
import {
  asUnderstudyError,
  type FailureReport,
  failureReport,
  isNotOurs,
  isPassing,
  isPassingForResult,
} from './failure.js';
import { LeaseKeeper, pause } from './lease-keeper.js';
import { type TaskExecutor, type TaskResult, framesOf } from './task.js';

/** Where leased objects come from: the host's cache. */
export interface ObjectSource {
  /** @returns the local path; the object stays there until {@link release}. */
  acquire(ref: ObjectRef, signal: AbortSignal): Promise<string>;
  release(sha256: string): void;
}

export interface AttemptContext {
  readonly client: NodeClient;
  readonly laneId: string;
  readonly control: LaneControl;
  readonly objects: ObjectSource;
  readonly executor: TaskExecutor;
  /** The lane's scratch folder; each attempt gets a folder in it. */
  readonly scratch: string;
  readonly log: LaneLog;
  /** Where its attempts' logs are kept until the coordinator has them; absent, they are only written to `log`. */
  readonly logFolder?: string;
  /** How long a draining lane may take to finish what it has begun. */
  readonly drainGraceMs: number;
  /** How long a finished result waits for a coordinator that cannot take it; never longer than its lease. */
  readonly resultPatienceMs: number;
}

export type AttemptOutcome = 'completed' | 'failed' | StopReason;

const RETRY_MS = 500;
/** How often a waiting result looks whether its lease has ended. */
const LOOK_MS = 100;
/** A report that nobody takes is left: the lease's end says the same. */
const REPORT_TRIES = 3;

/** One lease from its arrival to its end: inputs, work, result, report. Leaves nothing on disk. */
export class Attempt {
  readonly #context: AttemptContext;
  readonly #lease: Lease;
  readonly #keeper: LeaseKeeper;
  readonly #startedAtMs: number;
  readonly #held: string[] = [];
  readonly #log: LaneLog;
  readonly #record: AttemptLog | undefined;
  #failedWith: ErrorCode | null = null;
  #drainTimer: NodeJS.Timeout | undefined;

  /** @param receivedAtMs when the lease arrived, by {@link monotonicMs} */
  constructor(context: AttemptContext, lease: Lease, receivedAtMs: number) {
    this.#context = context;
    this.#lease = lease;
    this.#startedAtMs = receivedAtMs;
    const { client, laneId, control, logFolder } = context;
    // A face that is read belongs to no shot, and nobody could ask for what was written about it.
    this.#record = logFolder === undefined || lease.kind === 'enrol' ? undefined : new AttemptLog(logFolder, lease);
    this.#log = this.#record?.beside(context.log) ?? context.log;
    const onDrain = () => this.drain('drain');
    this.#keeper = new LeaseKeeper({ client, laneId, lease, control, log: this.#log, onDrain }, this.#startedAtMs);
  }

  /** What it was reported to have failed with. */
  get failedWith(): ErrorCode | null {
    return this.#failedWith;
  }

  /** Never rejects: what went wrong has been reported, as far as anybody was there to hear it. */
  async run(): Promise<AttemptOutcome> {
    const { control, scratch } = this.#context;
    const { attemptId, taskId, kind, epoch } = this.#lease;
    const folder = join(scratch, attemptId);
    const log = this.#log;
    log.info({ attemptId, taskId, kind, epoch }, 'attempt begins');
    let outcome: AttemptOutcome;
    try {
      await mkdir(folder, { recursive: true });
      const result = await this.#work(folder);
      await this.#deliver(result);
      outcome = 'completed';
    } catch (thrown) {
      outcome = await this.#settle(thrown);
    } finally {
      clearTimeout(this.#drainTimer);
      this.#keeper.close();
      await rm(folder, { recursive: true, force: true });
      for (const sha256 of this.#held) this.#context.objects.release(sha256);
    }
    const ms = this.#elapsedMs();
    log.info({ attemptId, outcome, framesDone: control.framesDone, ms }, 'attempt ended');
    this.#record?.end();
    return outcome;
  }

  #elapsedMs(): number {
    return Math.round(monotonicMs() - this.#startedAtMs);
  }

  /** Finishes if that takes no longer than the grace, else hands the task back. */
  drain(reason: 'drain' | 'shutdown'): void {
    if (this.#drainTimer !== undefined) return;
    const { control, drainGraceMs } = this.#context;
    const elapsedMs = monotonicMs() - this.#startedAtMs;
    const progress = { framesDone: control.framesDone, totalFrames: framesOf(this.#lease), elapsedMs };
    const graceMs = finishOrRelease(progress, drainGraceMs) === 'finish' ? 2 * drainGraceMs : 0;
    this.#drainTimer = setTimeout(() => this.#keeper.stop(reason), graceMs);
  }

  /** At once, whatever is under way. */
  abort(): void {
    this.#keeper.stop('shutdown');
  }

  async #work(folder: string): Promise<TaskResult> {
    const { control, objects, executor } = this.#context;
    const ofAttempt = { attemptId: this.#lease.attemptId };
    const watch = control.watch();
    try {
      const inputs: Record<string, string> = {};
      for (const ref of objectsOf(this.#lease)) {
        if (ref.sha256 in inputs) continue;
        inputs[ref.sha256] = await objects.acquire(ref, watch.signal);
        this.#held.push(ref.sha256);
      }
      watch.signal.throwIfAborted();
      this.#log.info({ ...ofAttempt, objects: this.#held.length, ms: this.#elapsedMs() }, 'inputs at hand');
      const result = await executor.run({ lease: this.#lease, inputs, folder });
      const { timingsMs, result: made } = result.report;
      const rounded = Object.fromEntries(Object.entries(timingsMs).map(([name, ms]) => [name, Math.round(ms)]));
      this.#log.info({ ...ofAttempt, frames: made.frames, bytes: made.bytes, timingsMs: rounded }, 'work done');
      return result;
    } catch (thrown) {
      const reason = control.stopReason();
      throw reason === null ? thrown : new Stopped(reason);
    } finally {
      watch.close();
    }
  }

  /**
   * The result waits on disk while nobody is there to take it, and goes up when somebody is. It shows a face, and no
   * revocation reaches a lane that is cut off: it goes when the lease ends by this side's clock, after which nobody would
   * take it anyway.
   */
  async #deliver(result: TaskResult): Promise<void> {
    const { client, resultPatienceMs } = this.#context;
    const log = this.#log;
    const { attemptId, epoch, upload } = this.#lease;
    const untilMs = monotonicMs() + resultPatienceMs;
    const lease = this.#whileLeased();
    try {
      for (;;) {
        try {
          const startedMs = monotonicMs();
          await client.uploadContent(upload.url, result.path, { signal: lease.signal });
          const timingsMs = { ...result.report.timingsMs, upload: Math.round(monotonicMs() - startedMs) };
          const body = { epoch, ...result.report, timingsMs };
          await client.call('completeAttempt', { params: { attemptId }, body }, { signal: lease.signal });
          return;
        } catch (thrown) {
          const error = toUnderstudyError(thrown);
          if (this.#keeper.lost.aborted) throw error;
          if (lease.signal.aborted) throw new Stopped('expired');
          if (!isPassingForResult(error) || monotonicMs() >= untilMs) throw atCoordinator(error);
          log.warn({ attemptId, code: error.code }, 'the result waits');
          await pause(RETRY_MS, lease.signal);
        }
      }
    } finally {
      lease.close();
    }
  }

  /** Aborts when the lease was taken away or has ended unheard; an order to drain alone does not. */
  #whileLeased(): { signal: AbortSignal; close(): void } {
    const { control } = this.#context;
    const lost = this.#keeper.lost;
    const over = new AbortController();
    const abort = () => over.abort();
    if (lost.aborted) abort();
    lost.addEventListener('abort', abort);
    const timer = setInterval(() => {
      if (monotonicMs() >= control.deadlineMs) abort();
    }, LOOK_MS);
    const close = () => {
      clearInterval(timer);
      lost.removeEventListener('abort', abort);
    };
    return { signal: over.signal, close };
  }

  async #settle(thrown: unknown): Promise<AttemptOutcome> {
    const { control } = this.#context;
    const log = this.#log;
    const { attemptId, epoch } = this.#lease;
    const reason = this.#stopReason(thrown);
    if (reason === null) {
      const report = failureReport(thrown);
      this.#failedWith = report.details?.['at'] === 'coordinator' ? null : report.code;
      log.error(
        {
          attemptId,
          code: report.code,
          retryable: report.retryable,
          reason: report.message,
          cause: causeOf(thrown),
          stderr: stderrOf(report),
        },
        'attempt failed',
      );
      await this.#report(() =>
        this.#context.client.call('failAttempt', { params: { attemptId }, body: { epoch, ...report } }),
      );
      return 'failed';
    }
    control.stop(reason);
    log.info({ attemptId, reason }, 'attempt stopped');
    if (reason === 'stale' || reason === 'expired') return reason;
    const why = reason === 'drain' || reason === 'shutdown' ? reason : 'stopped';
    await this.#report(() =>
      this.#context.client.call('releaseAttempt', { params: { attemptId }, body: { epoch, reason: why } }),
    );
    return reason;
  }

  /** Why the attempt was stopped, or null if it failed. */
  #stopReason(thrown: unknown): StopReason | null {
    if (thrown instanceof Stopped) return thrown.reason;
    if (this.#keeper.lost.aborted) return this.#context.control.stopReason() ?? 'stale';
    return isNotOurs(asUnderstudyError(thrown)) ? 'stale' : null;
  }

  async #report(send: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; tries <= REPORT_TRIES; tries++) {
      try {
        await send();
        return;
      } catch (thrown) {
        const error: UnderstudyError = toUnderstudyError(thrown);
        this.#log.warn({ attemptId: this.#lease.attemptId, code: error.code }, 'report not taken');
        if (!isPassing(error)) return;
        await pause(RETRY_MS, new AbortController().signal);
      }
    }
  }
}

/** What the coordinator answered to a result: a full disk is its own then, not this host's. */
function atCoordinator({ code, message, details, cause }: UnderstudyError): UnderstudyError {
  return new UnderstudyError(code, message, { details: { ...details, at: 'coordinator' }, cause });
}

function objectsOf(lease: Lease): ObjectRef[] {
  if (lease.kind === 'enrol') return [lease.image];
  if (lease.kind === 'analyse') return [lease.plate.source];
  const mattes = lease.matte === undefined ? [] : [lease.matte.source];
  return [lease.plate.source, ...mattes, lease.analysis, ...lease.cast.flatMap((member) => member.identityImages)];
}

/** The kind of an unexpected error and where it was thrown, without its text. */
function causeOf(thrown: unknown): string | undefined {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : undefined;
  return cause?.stack?.split('\n').slice(1, 4).join(' ').trim();
}

/** The end of what a program that failed had to say. */
function stderrOf({ details }: FailureReport): string | undefined {
  const said = details?.['stderr'];
  return typeof said === 'string' && said !== '' ? withoutFolders(said) : undefined;
}
