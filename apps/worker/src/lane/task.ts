import { type CompleteAttempt, type Lease, UnderstudyError } from '@understudy/contracts';

/** One leased task with its inputs at hand. */
export interface LaneTask {
  readonly lease: Lease;
  /** Local paths of the leased objects, by SHA-256. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The attempt's own folder; whatever lies in it goes when the attempt ends. */
  readonly folder: string;
}

/** A finished task: its result as a file, and what the coordinator is told of it. */
export interface TaskResult {
  readonly path: string;
  readonly report: Omit<CompleteAttempt, 'epoch'>;
}

/** Does the work of a task. @throws Stopped when the lane's control says so, UnderstudyError when it fails. */
export interface TaskExecutor {
  run(task: LaneTask): Promise<TaskResult>;
}

/** Frames a task goes through, 0 for one without frames. */
export function framesOf(lease: Lease): number {
  return lease.kind === 'enrol' ? 0 : lease.endFrame - lease.startFrame;
}

/** @throws UnderstudyError INTERNAL: the lease's own schema says that each object is handed over. */
export function inputPath(task: LaneTask, sha256: string): string {
  const path = task.inputs[sha256];
  if (path === undefined)
    throw new UnderstudyError('INTERNAL', 'A leased object is not at hand.', { details: { sha256 } });
  return path;
}
