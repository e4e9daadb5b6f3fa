import type { BuiltInTest, ErrorBody, ObjectRef } from '@understudy/contracts';
import type { Card, EngineCache, Precision, Provider } from '@understudy/inference';

/** What a lane process needs to know; sent over the channel, so that it stands in no process list. */
export interface LaneConfig {
  readonly ordinal: number;
  readonly host: string;
  readonly coordinatorUrl: string;
  /** Of now; another comes by `token` before it ends. */
  readonly workerToken: string;
  readonly dataDir: string;
  /** This lane's own folder. */
  readonly scratch: string;
  /** Where this lane keeps the logs of its attempts. */
  readonly logFolder: string;
  readonly provider: Provider;
  readonly precision: Precision;
  /** With `tensorrt`: where this host's engines are. */
  readonly engines?: EngineCache;
  /** How the built-in models did when the provider was tried. */
  readonly builtInTests?: readonly BuiltInTest[];
  /** What it computes on; absent of a processor. */
  readonly card?: Card;
  readonly threads: number;
  readonly logLevel: string;
  readonly drainGraceMs: number;
  readonly resultPatienceMs: number;
}

/** What a lane is at work on; told to the supervisor, who must answer for it when the lane dies. */
export interface HeldAttempt {
  readonly attemptId: string;
  readonly epoch: number;
  /** Half-open range of frames; null for a task without. */
  readonly range: readonly [number, number] | null;
}

/** Supervisor to lane. */
export type LaneOrder =
  | { readonly type: 'start'; readonly config: LaneConfig }
  /** Take no more work, finish or hand back what is under way, end. */
  | { readonly type: 'drain' }
  /** The same without grace. */
  | { readonly type: 'abort' }
  /** What to speak to the coordinator with from now on. */
  | { readonly type: 'token'; readonly token: string }
  /** Of what it asked for, so many bytes have come so far. */
  | { readonly type: 'received'; readonly bytes: number }
  | { readonly type: 'acquired'; readonly request: number; readonly path: string }
  | { readonly type: 'refused'; readonly request: number; readonly error: ErrorBody['error'] };

/** Lane to supervisor. */
export type LaneNotice =
  | { readonly type: 'registered' }
  /** The coordinator does not take this token: another is needed. */
  | { readonly type: 'token_refused'; readonly token: string }
  | { readonly type: 'attempt'; readonly held: HeldAttempt | null }
  | { readonly type: 'acquire'; readonly request: number; readonly ref: ObjectRef }
  | { readonly type: 'release'; readonly sha256: string }
  /** No lane of this worker can work: a wrong token, a missing model. */
  | { readonly type: 'fatal'; readonly error: ErrorBody['error'] };
