import type { ErrorCode, StageName } from '@understudy/contracts';

export interface Retry {
  /** Tries in all, the first among them. */
  readonly attempts: number;
  /** Wait before the second try; doubled before each further one. */
  readonly backoffMs: number;
}

/** Failures that may be bad luck. */
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

/** The farm's own servers: about half an hour of them being away or full is waited out, whatever the stage. */
const OUTAGE: Retry = { attempts: 36, backoffMs: 1000 };
const LONGEST_OUTAGE_PAUSE_MS = 60_000;

/** Tries that a job may need in all. */
export const MOST_TRIES = OUTAGE.attempts + FARAWAY.attempts;

/** Codes of what is no part of the stage's work: a store that is full or away, a database that is. */
const OUTAGES: ReadonlySet<ErrorCode> = new Set([
  'DISK_FULL',
  'STORE_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
  'SHUTTING_DOWN',
]);

/** Codes that may be gone at the next try; every other one says that the input or the state of things is at fault. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set([
  ...OUTAGES,
  'INTERNAL',
  'FFMPEG_FAILED',
  'WEBHOOK_NOT_TAKEN',
  'TRACES_NOT_TAKEN',
]);

export function isTransient(code: ErrorCode): boolean {
  return TRANSIENT.has(code);
}

export function isOutage(code: ErrorCode): boolean {
  return OUTAGES.has(code);
}

/** What a job's tries ended with so far, the last one among them. */
export interface Tries {
  readonly outages: number;
  /** Those that failed for another reason. */
  readonly failures: number;
}

/** @returns how long to wait before the next try of a stage whose last one ended so; null when it is given up */
export function pauseAfter(stage: StageName, code: ErrorCode, { outages, failures }: Tries): number | null {
  if (!isTransient(code)) return null;
  if (isOutage(code)) {
    if (outages >= OUTAGE.attempts) return null;
    return Math.min(OUTAGE.backoffMs * 2 ** (outages - 1), LONGEST_OUTAGE_PAUSE_MS);
  }
  const { attempts, backoffMs } = STAGE_RETRY[stage];
  return failures >= attempts ? null : backoffMs * 2 ** (failures - 1);
}
