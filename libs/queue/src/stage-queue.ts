import { Queue, UnrecoverableError, Worker, type Job } from 'bullmq';
import { isStageName, STAGES, UnderstudyError, type StageData, type StageName } from '@understudy/contracts';
import type { QueueConnection } from './backend.js';
import { clockedBackend } from './clocked-backend.js';
import { patientBackend } from './patient-backend.js';
import { type JobsAtOnce, LINE_OF_STAGE, LINES, type Line } from './lines.js';
import { MOST_TRIES, type Tries } from './retry.js';

/** A job whose process was killed is not at fault; only the retries of its stage give it up. */
const MOST_STALLS = 50;
const RECONNECT_MS = 1000;
/** Settled jobs are kept for a look, not for the truth. */
const KEEP_SETTLED = { age: 3600, count: 1000 };

export interface StageJob {
  readonly id: string;
  readonly stage: StageName;
  readonly data: StageData<StageName>;
  /** What its tries before this one ended with. */
  readonly tries: Tries;
}

/** What a job's processor ends with when no other try may help. */
export class StageAbandoned extends UnrecoverableError {
  override readonly name = 'UnrecoverableError';
}

/** What a try ends with that is to be followed by another. */
export class StageTryAgain extends Error {
  override readonly name = 'StageTryAgain';

  /** @param tries with this one */
  constructor(
    readonly pauseMs: number,
    readonly tries: Tries,
    cause: Error,
  ) {
    super(cause.message, { cause });
  }
}

export interface StageWork {
  /** @throws StageTryAgain, StageAbandoned */
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

/** The queues of stages, one a line. Job ids are the outbox rows' ids: adding one again changes nothing. */
export class StageQueue {
  readonly #connection: QueueConnection;
  readonly #options: StageQueueOptions;
  readonly #queues: Readonly<Record<Line, Queue>>;
  #workers: Worker[] = [];

  constructor(connection: QueueConnection, options: StageQueueOptions) {
    const { factory } = connection;
    const clocked: typeof factory = (...made) => clockedBackend(factory(...made), options.nowMs);
    this.#connection = { ...connection, factory: clocked };
    this.#options = options;
    const open = (line: Line): Queue => {
      const queue = new Queue(line, { connection: connection.connection }, clocked as never);
      queue.on('error', options.onError);
      return queue;
    };
    this.#queues = { stages: open('stages'), outside: open('outside') };
  }

  async add<Stage extends StageName>(stage: Stage, id: string, data: StageData<Stage>): Promise<void> {
    await this.#queues[LINE_OF_STAGE[stage]].add(stage, STAGES[stage].parse(data), {
      jobId: id,
      attempts: MOST_TRIES,
      backoff: { type: 'custom' },
      removeOnComplete: KEEP_SETTLED,
      removeOnFail: KEEP_SETTLED,
    });
  }

  /** `live` is waiting, delayed or at work; `settled` is completed or given up. */
  async stateOf(stage: StageName, id: string): Promise<JobState> {
    const state = await this.#queues[LINE_OF_STAGE[stage]].getJobState(id);
    if (state === 'unknown') return 'absent';
    return state === 'completed' || state === 'failed' ? 'settled' : 'live';
  }

  /** Starts this process's share of the work. */
  work(work: StageWork, atOnce: JobsAtOnce): void {
    if (this.#workers.length > 0) throw new UnderstudyError('INTERNAL', 'The stages are worked on already.');
    this.#workers = LINES.map((line) => this.#workOn(line, work, atOnce[line]));
  }

  #workOn(line: Line, work: StageWork, concurrency: number): Worker {
    const { lockMs } = this.#options;
    const { factory } = this.#connection;
    const patient: typeof factory = (...made) => patientBackend(factory(...made), RECONNECT_MS);
    const worker = new Worker(
      line,
      async (job: Job) => {
        try {
          await work.run(asStageJob(job));
        } catch (thrown) {
          // Kept with the job, whoever tries next. When the queue is away too, it is counted as nothing.
          if (thrown instanceof StageTryAgain)
            await job.updateProgress({ ...thrown.tries }).catch((error: Error) => work.onError(error));
          throw thrown;
        }
      },
      {
        connection: this.#connection.connection,
        concurrency,
        lockDuration: lockMs,
        stalledInterval: lockMs / 2,
        maxStalledCount: MOST_STALLS,
        runRetryDelay: RECONNECT_MS,
        settings: {
          backoffStrategy: (_tries, _type, thrown) => (thrown instanceof StageTryAgain ? thrown.pauseMs : RECONNECT_MS),
        },
      },
      patient as never,
    );
    worker.on('error', (error) => work.onError(error));
    return worker;
  }

  /** Takes no further job, waits for those at work, then leaves. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
    await Promise.all(Object.values(this.#queues).map((queue) => queue.close()));
  }
}

/** What a job keeps of its tries; nothing before the first one failed. */
function triesOf({ progress }: Job): Tries {
  const kept: Partial<Record<keyof Tries, unknown>> = typeof progress === 'object' ? progress : {};
  return { outages: Number(kept.outages ?? 0), failures: Number(kept.failures ?? 0) };
}

function asStageJob(job: Job): StageJob {
  if (!isStageName(job.name)) throw new StageAbandoned(`There is no stage ${job.name}.`);
  const data = STAGES[job.name].safeParse(job.data);
  if (!data.success) throw new StageAbandoned(`A job of stage ${job.name} holds no valid data.`);
  return { id: String(job.id), stage: job.name, data: data.data, tries: triesOf(job) };
}
