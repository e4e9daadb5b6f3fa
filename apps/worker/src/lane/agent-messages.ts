import type { ErrorBody, Lease, ObjectRef, RegisterLane } from '@understudy/contracts';
import type { z } from 'zod';

import type { HeldAttempt, LaneConfig } from '../messages.js';
import type { StopReason } from './control.js';
import type { LaneTask, TaskResult } from './task.js';

/** What the protocol thread starts with. */
export interface AgentData {
  readonly config: LaneConfig;
  readonly capabilities: z.input<typeof RegisterLane>['capabilities'];
  readonly control: SharedArrayBuffer;
}

/** Main thread to protocol thread. */
export type AgentOrder =
  | { readonly type: 'drain' }
  | { readonly type: 'abort' }
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'acquired'; readonly request: number; readonly path: string }
  | { readonly type: 'refused'; readonly request: number; readonly error: ErrorBody['error'] }
  | { readonly type: 'done'; readonly result: TaskResult }
  | { readonly type: 'stopped'; readonly reason: StopReason }
  | { readonly type: 'failed'; readonly error: ErrorBody['error']; readonly stack: string | undefined };

/** Protocol thread to main thread. */
export type AgentNotice =
  | { readonly type: 'run'; readonly task: LaneTask }
  | { readonly type: 'acquire'; readonly request: number; readonly ref: ObjectRef }
  | { readonly type: 'release'; readonly sha256: string }
  | { readonly type: 'registered' }
  | { readonly type: 'token_refused'; readonly token: string }
  | { readonly type: 'attempt'; readonly held: HeldAttempt | null }
  /** Drained: nothing more will come. */
  | { readonly type: 'over' }
  | { readonly type: 'fatal'; readonly error: ErrorBody['error'] };

export function heldBy(lease: Lease): HeldAttempt {
  const { attemptId, epoch } = lease;
  return { attemptId, epoch, range: lease.kind === 'enrol' ? null : [lease.startFrame, lease.endFrame] };
}
