import { Queue, UnrecoverableError, Worker, type Job } from 'bullmq';
import { isStageName, STAGES, UnderstudyError, type StageData, type StageName } from '@understudy/contracts';
import type { QueueConnection } from './backend.js';
import { clockedBackend } from './clocked-backend.js';
import { patientBackend } from './patient-backend.js';
import { STAGE_RETRY } from './retry.js';

const QUEUE_NAME = 'stages';

/** A job whose process was killed is not at fault; only the retries of its stage give it up. */
const MOST_STALLS = 50;
const RECONNECT_MS = 1000;
/** Settled jobs are kept for a look, not for the truth. */
const KEEP_SETTLED = { age: 3600, count: 1000 };

export interface StageJob {
  readonly id: string;
  readonly stage: StageName;
  readonly data: StageData<StageName>;
  /** No further try follows this one. */
  readonly lastTry: boolean;
}

/** What a job's processor ends with when no other try may help. */
export class StageAbandoned extends UnrecoverableError {
  override readonly name = 'UnrecoverableError';
}

export interface StageWork {
  run(job: StageJob): Promise<void>;
  /** Connection trouble of the worker; it goes on by itself. */
  onError(error: Error): void;
}

export interface StageQueueOptions {
  /** How long a job of a process that was killed is kept from the others; then the next look for such jobs, half as often. */
  readonly lockMs: number;
  /** A clock that all processes share, in milliseconds of the epoch. */
  readonly nowMs: () => number;
  /** Connection trouble of the queue; it goes on by itself. */
  readonly onError: (error: Error) => void;
}

export type JobState = 'live' | 'settled' | 'absent';

/** The queue of stages. Job ids are the outbox rows' ids: adding one again changes nothing. */
export class StageQueue {
  readonly #connection: QueueConnection;
  readonly #options: StageQueueOptions;
  readonly #queue: Queue;
  #worker: Worker | undefined;

  constructor(connection: QueueConnection, options: StageQueueOptions) {
    const { factory } = connection;
    const clocked: typeof factory = (...made) => clockedBackend(factory(...made), options.nowMs);
    this.#connection = { ...connection, factory: clocked };
    this.#options = options;
    this.#queue = new Queue(QUEUE_NAME, { connection: connection.connection }, clocked as never);
    this.#queue.on('error', options.onError);
  }

  async add<Stage extends StageName>(stage: Stage, id: string, data: StageData<Stage>): Promise<void> {
    const { attempts, backoffMs } = STAGE_RETRY[stage];
    await this.#queue.add(stage, STAGES[stage].parse(data), {
      jobId: id,
      attempts,
      backoff: { type: 'exponential', delay: backoffMs },
      removeOnComplete: KEEP_SETTLED,
      removeOnFail: KEEP_SETTLED,
    });
  }

  /** `live` is waiting, delayed or at work; `settled` is completed or given up. */
  async stateOf(id: string): Promise<JobState> {
    const state = await this.#queue.getJobState(id);
    if (state === 'unknown') return 'absent';
    return state === 'completed' || state === 'failed' ? 'settled' : 'live';
  }

  /** Starts this process's share of the work; `concurrency` jobs at once. */
  work(work: StageWork, concurrency: number): void {
    if (this.#worker !== undefined) throw new UnderstudyError('INTERNAL', 'The stages are worked on already.');
    const { lockMs } = this.#options;
    const { factory } = this.#connection;
    const patient: typeof factory = (...made) => patientBackend(factory(...made), RECONNECT_MS);
    const worker = new Worker(
      QUEUE_NAME,
      async (job: Job) => work.run(asStageJob(job)),
      {
        connection: this.#connection.connection,
        concurrency,
        lockDuration: lockMs,
        stalledInterval: lockMs / 2,
        maxStalledCount: MOST_STALLS,
        runRetryDelay: RECONNECT_MS,
      },
      patient as never,
    );
    worker.on('error', (error) => work.onError(error));
    this.#worker = worker;
  }

  /** Takes no further job, waits for those at work, then leaves. */
  async close(): Promise<void> {
    await this.#worker?.close();
    await this.#queue.close();
  }
}

function asStageJob(job: Job): StageJob {
  if (!isStageName(job.name)) throw new StageAbandoned(`There is no stage ${job.name}.`);
  const data = STAGES[job.name].safeParse(job.data);
  if (!data.success) throw new StageAbandoned(`A job of stage ${job.name} holds no valid data.`);
  const tries = job.opts.attempts ?? 1;
  return { id: String(job.id), stage: job.name, data: data.data, lastTry: job.attemptsMade + 1 >= tries };
}
