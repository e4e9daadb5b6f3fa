import type { ErrorCode, StageName } from '@understudy/contracts';

export interface Retry {
  /** Tries in all, the first among them. */
  readonly attempts: number;
  /** Wait before the second try; doubled before each further one. */
  readonly backoffMs: number;
}

/** About a minute of outage is waited out here; after that the reconciler enqueues the stage anew. */
const PATIENT: Retry = { attempts: 8, backoffMs: 500 };
/** Stages that run ffmpeg over a whole clip: a third failure of the same files is not bad luck. */
const COSTLY: Retry = { attempts: 3, backoffMs: 2000 };

/** Somebody else's server: about twenty minutes of it being away are waited out. */
const FARAWAY: Retry = { attempts: 9, backoffMs: 5000 };

export const STAGE_RETRY: Readonly<Record<StageName, Retry>> = {
  template: PATIENT,
  ingest: COSTLY,
  link: PATIENT,
  plan: PATIENT,
  assemble: COSTLY,
  verify: COSTLY,
  notify: FARAWAY,
  trace: FARAWAY,
};

/** Codes that may be gone at the next try; every other one says that the input or the state of things is at fault. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'FFMPEG_FAILED',
  'DISK_FULL',
  'DATABASE_UNAVAILABLE',
  'SHUTTING_DOWN',
  'WEBHOOK_NOT_TAKEN',
  'TRACES_NOT_TAKEN',
]);

export function isTransient(code: ErrorCode): boolean {
  return TRANSIENT.has(code);
}
