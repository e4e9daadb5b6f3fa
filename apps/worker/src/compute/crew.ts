import type { AnalysisPacks, EnrolLease, PackSelfTest } from '@understudy/contracts';
import { crewOf } from '@understudy/inference';

import type { FrameAnalyser } from '../analyse-range.js';
import { threadProgram, WorkThread } from '../frames/thread.js';
import type { LaneControl } from '../lane/control.js';
import type { LaneTask, TaskResult } from '../lane/task.js';
import type { LaneConfig } from '../messages.js';
import type { Identity } from '../render/identity.js';
import type { ShotInputs } from '../render/prepared-shot.js';
import type { FrameRenderer } from '../render-shard.js';
import type { Computing, ComputeKind, ComputeOrder, ComputeWork } from './work.js';

/** The threads of a lane that compute, each on a frame of its own. */
export class ComputeCrew {
  readonly #threads: WorkThread[] = [];
  readonly packId: string;
  /** Which model reads faces here. */
  readonly recogniser: string;

  /** @throws UnderstudyError MODEL_UNAVAILABLE, MODEL_HASH_MISMATCH, PROVIDER_UNAVAILABLE */
  static async open(config: LaneConfig, control: LaneControl): Promise<ComputeCrew> {
    const { dataDir, provider, precision, engines } = config;
    const { size, threads } = crewOf(config);
    const computing = { dataDir, provider, precision, threads, ...(engines === undefined ? {} : { engines }) };
    const opened = await Promise.all(Array.from({ length: size }, () => openThread(computing, control)));
    return new ComputeCrew(computing, control, opened, config.threads);
  }

  private constructor(
    private readonly computing: Computing,
    private readonly control: LaneControl,
    opened: readonly { thread: WorkThread; packId: string; recogniser: string }[],
    /** All that the lane may use. */
    readonly threads: number,
  ) {
    this.#threads = opened.map(({ thread }) => thread);
    this.packId = opened[0]?.packId ?? '';
    this.recogniser = opened[0]?.recogniser ?? '';
  }

  async selfTest(): Promise<PackSelfTest[]> {
    return this.#onFirst('selfTest', {});
  }

  async enrol(task: LaneTask, lease: EnrolLease): Promise<TaskResult> {
    return this.#onFirst('enrol', { task, lease });
  }

  /** @param images of one person, by content */
  async readIdentity(task: LaneTask, images: readonly string[]): Promise<Identity> {
    return this.#onFirst('identity', { task, images });
  }

  /** One for each thread, for one task. */
  analysers(packs: AnalysisPacks = {}): FrameAnalyser[] {
    return this.#threads.map((_, number) => (frames) => this.#on(number, 'analyse', { frames, packs }));
  }

  /** One for each thread, for one shard. */
  renderers(shot: ShotInputs): FrameRenderer[] {
    return this.#threads.map((_, number) => (frames) => this.#on(number, 'render', { shot, frames }));
  }

  /** Forgets the faces of a shot that may no longer be worked on, on all threads; one that ended holds none. */
  async forget(): Promise<void> {
    await Promise.allSettled(this.#threads.map((thread) => ask(thread, 'forget', {})));
  }

  /** From now on one thread alone, opened anew: what the others held of memory, and its own runtime kept, is given back. */
  async shrink(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
    this.#threads.length = 1;
  }

  async #onFirst<Kind extends ComputeKind>(kind: Kind, given: ComputeWork[Kind]['given']) {
    return this.#on(0, kind, given);
  }

  async #on<Kind extends ComputeKind>(
    number: number,
    kind: Kind,
    given: ComputeWork[Kind]['given'],
  ): Promise<ComputeWork[Kind]['result']> {
    let thread = this.#threads[number];
    // One that ran out of memory is gone; the next task gets another.
    if (thread === undefined || thread.isOver) {
      ({ thread } = await openThread(this.computing, this.control));
      this.#threads[number] = thread;
    }
    return ask(thread, kind, given);
  }
}

async function openThread(computing: Computing, control: LaneControl) {
  const thread = new WorkThread(threadProgram('compute/compute-thread'));
  return { thread, ...(await ask(thread, 'open', { computing, control: control.shared })) };
}

function ask<Kind extends ComputeKind>(thread: WorkThread, kind: Kind, given: ComputeWork[Kind]['given']) {
  return thread.run<ComputeOrder, ComputeWork[Kind]['result']>({ kind, ...given } as ComputeOrder);
}
