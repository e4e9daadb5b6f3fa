import {
  type AttemptState,
  type CompleteAttempt,
  type TaskKind,
  type TaskState,
  UnderstudyError,
} from '@understudy/contracts';

export type ReportedResult = CompleteAttempt['result'];

/** An attempt and its task, as one look at the database saw them. */
export interface Attempt {
  readonly id: string;
  readonly epoch: number;
  readonly state: AttemptState;
  /** Set when it was told to stop. */
  readonly order: 'stop' | 'revoked' | null;
  readonly laneId: string;
  readonly workerId: string;
  readonly result: ReportedResult | null;
  readonly expiresAt: Date;
  readonly taskId: string;
  readonly kind: TaskKind;
  readonly taskState: TaskState;
  readonly taskEpoch: number;
  readonly failures: number;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly shotVersionId: string | null;
  readonly shotId: string | null;
  readonly projectId: string | null;
}

/** Whose objects it works on. @throws Error for a task of no project, which there is none of */
export function projectOf({ taskId, projectId }: Attempt): string {
  if (projectId === null) throw new Error(`task ${taskId} is of no project`);
  return projectId;
}

/** Whether a report under `epoch` still speaks for the task: its attempt is at work and the task's newest. */
export function isCurrent(attempt: Attempt, epoch: number): boolean {
  return (
    attempt.epoch === epoch &&
    attempt.taskEpoch === epoch &&
    (attempt.state === 'running' || attempt.state === 'reported')
  );
}

export function staleEpoch(attempt: Attempt): UnderstudyError {
  return new UnderstudyError(
    'STALE_EPOCH',
    'This attempt is over; nothing of it counts any more. Drop its work and lease anew.',
    { details: { epoch: attempt.epoch, taskEpoch: attempt.taskEpoch, state: attempt.state } },
  );
}

/** What an attempt gets to hear that was told to stop and reports all the same. */
export function ordered(order: 'stop' | 'revoked'): UnderstudyError {
  return order === 'revoked'
    ? new UnderstudyError('CONSENT_REVOKED', 'A consent was withdrawn; drop the work and release the attempt.')
    : new UnderstudyError('CANCELLED', 'The shot was cancelled; drop the work and release the attempt.');
}
