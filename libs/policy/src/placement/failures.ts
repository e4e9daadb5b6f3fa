import type { ErrorCode, TaskKind } from '@understudy/contracts';

/** A task that failed so often, for reasons of its own, is set aside. */
export const MOST_FAILURES = 3;
/** So many lanes may go silent at a task; it may be what ends them. */
export const MOST_SILENCES = 10;
/** Before the next try where no other lane is left; then 6 times as long each time. */
export const RETRY_PAUSE_SECONDS = 5;
const LONGEST_RETRY_PAUSE_SECONDS = 300;
/** A host that lacks something gets no work for so long; then twice as long each time. */
export const HOST_PAUSE_SECONDS = 15;
const LONGEST_HOST_PAUSE_SECONDS = 600;

/** Whom a failure speaks of. */
export type Fault =
  /** The host lacks something: none of its lanes could do better, whatever the task. */
  | 'host'
  /** A server is away or full; the same will do well later, on any lane. */
  | 'passing'
  /** The medium, says one lane; its decoder may be what is broken. */
  | 'media'
  /** What was asked for: another lane would fail in the same way. */
  | 'input'
  /** The lane or the task; other tries tell which. */
  | 'task';

const HOST: ReadonlySet<ErrorCode> = new Set([
  'DISK_FULL',
  'FFMPEG_MISSING',
  'MODEL_HASH_MISMATCH',
  'MODEL_UNAVAILABLE',
]);
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'COORDINATOR_UNREACHABLE',
  'DATABASE_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'SHUTTING_DOWN',
  'RATE_LIMITED',
]);
export const WAIT_CODES: readonly ErrorCode[] = [...HOST, ...PASSING];
/** What a plate may be said to be that was read from end to end when it came in. */
export const MEDIA_CODES: readonly ErrorCode[] = [
  'EMPTY_MEDIA',
  'UNREADABLE_MEDIA',
  'NOT_A_VIDEO',
  'TRUNCATED_MEDIA',
  'UNSUPPORTED_MEDIA',
  'PLAYLIST_REFUSED',
];

export interface Failure {
  readonly kind: TaskKind;
  readonly code: ErrorCode;
  /** Whether the lane says that another one might do better. */
  readonly retryable: boolean;
  /** The lane met it at the coordinator's, not at home. */
  readonly atCoordinator: boolean;
}

export function faultOf({ kind, code, retryable, atCoordinator }: Failure): Fault {
  if (PASSING.has(code) || (atCoordinator && HOST.has(code))) return 'passing';
  if (HOST.has(code)) return 'host';
  if (MEDIA_CODES.includes(code) && kind !== 'enrol') return retryable ? 'task' : 'media';
  return retryable ? 'task' : 'input';
}

export interface FailureRecord {
  readonly fault: Fault;
  /** Of the task, this one among them; faults of hosts and of servers are not counted. */
  readonly failures: number;
  /** How often it waited for a host or a server before. */
  readonly waits: number;
  /** Another lane said of the medium what this one says; one of another host, where there is one. */
  readonly isAgreed: boolean;
  /** A lane is there that could do it and did not fail it lately. */
  readonly othersLeft: boolean;
  /** Of the farm's settings; {@link RETRY_PAUSE_SECONDS}. */
  readonly firstPauseSeconds: number;
}

/** @returns in how many seconds the task may be leased again; null when it is set aside */
export function retryAfter(record: FailureRecord): number | null {
  const { fault, failures, waits, isAgreed, othersLeft, firstPauseSeconds } = record;
  if (fault === 'input') return null;
  // The next host may have what this one lacks; the next lane meets the same server.
  if (fault === 'host') return othersLeft ? 0 : growing(firstPauseSeconds, waits);
  if (fault === 'passing') return othersLeft && waits === 0 ? 0 : growing(firstPauseSeconds, waits);
  const most = fault === 'media' && !othersLeft ? MOST_FAILURES - 1 : MOST_FAILURES;
  if ((fault === 'media' && isAgreed) || failures >= most) return null;
  return othersLeft ? 0 : growing(firstPauseSeconds, failures - 1);
}

function growing(firstSeconds: number, times: number): number {
  return Math.min(firstSeconds * 6 ** times, LONGEST_RETRY_PAUSE_SECONDS);
}

/** How long a host gets no work. @param times that it was set aside before, and made nothing since */
export function hostPauseSeconds(firstSeconds: number, times: number): number {
  return Math.min(firstSeconds * 2 ** times, LONGEST_HOST_PAUSE_SECONDS);
}

export interface Silences {
  /** Attempts at the task that ended without a word, since somebody last had it tried anew. */
  readonly attempts: number;
  /** Different lanes among theirs. */
  readonly lanes: number;
  readonly othersLeft: boolean;
}

/** Whether the task may be what ends its lanes. One lane that goes silent again and again says so only where it is alone. */
export function endsItsLanes({ attempts, lanes, othersLeft }: Silences): boolean {
  return lanes >= MOST_SILENCES || (attempts >= MOST_SILENCES && !othersLeft);
}
