import { type ErrorCode, UnderstudyError } from '@understudy/contracts';

/** Another lane would fail in the same way: the image, the plate or the request itself is at fault. */
const INPUT_AT_FAULT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NO_FACE',
  'TWO_FACES_IN_IMAGE',
  'FACE_QUALITY_TOO_LOW',
  'AMBIGUOUS_FACE',
  'IDENTITY_MISMATCH',
  'PLATE_FACE_NOT_FOUND',
  'EMPTY_MEDIA',
  'UNREADABLE_MEDIA',
  'NOT_A_VIDEO',
  'TRUNCATED_MEDIA',
  'UNSUPPORTED_MEDIA',
  'PLAYLIST_REFUSED',
  'INVALID_REQUEST',
]);

/** The coordinator is away or busy; the same request may do well later. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'COORDINATOR_UNREACHABLE',
  'DATABASE_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'SHUTTING_DOWN',
  'RATE_LIMITED',
  'INTERNAL',
]);

/** The attempt is no longer ours, or never was. */
const NOT_OURS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['STALE_EPOCH', 'NOT_FOUND', 'CONFLICT', 'CANCELLED']);

/** The worker itself is not let in: no lane of it can work. */
const SHUT_OUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['UNAUTHENTICATED', 'FORBIDDEN']);

export const isPassing = (error: UnderstudyError): boolean => PASSING.has(error.code);
/** A store without room may have some in a moment; the work itself is done. */
export const isPassingForResult = (error: UnderstudyError): boolean => isPassing(error) || error.code === 'DISK_FULL';
export const isNotOurs = (error: UnderstudyError): boolean => NOT_OURS.has(error.code);
export const isShutOut = (error: UnderstudyError): boolean => SHUT_OUT.has(error.code);

export interface FailureReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: Record<string, unknown>;
  readonly retryable: boolean;
}

const LONGEST_MESSAGE = 2000;
/** Where something lay on this host says nothing to others. */
const PRIVATE_DETAILS = new Set(['path', 'file', 'folder']);

/** What the coordinator is told of a task that failed here. */
export function failureReport(thrown: unknown): FailureReport {
  const error = asUnderstudyError(thrown);
  const details = Object.entries(error.details ?? {}).filter(([name]) => !PRIVATE_DETAILS.has(name));
  return {
    code: error.code,
    message: error.message.slice(0, LONGEST_MESSAGE),
    ...(details.length === 0 ? {} : { details: Object.fromEntries(details) }),
    retryable: !INPUT_AT_FAULT.has(error.code),
  };
}

/** Any thrown value by what it means to the farm: a full disk is the host's trouble, whoever met it. */
export function asUnderstudyError(thrown: unknown): UnderstudyError {
  if (thrown instanceof UnderstudyError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UnderstudyError('DISK_FULL', "The worker's scratch disk is full: free space there.", { cause: thrown });
  }
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  // An unknown error's text may hold a path or a name, so only its kind travels.
  return new UnderstudyError('INTERNAL', `The lane failed unexpectedly (${name}).`, { cause: thrown });
}
