import { type ErrorCode, UnderstudyError, isErrorCode } from '@understudy/contracts';

/** Statuses a proxy gives when nobody stands behind it. */
const NOBODY_THERE = new Set([502, 503, 504]);

/** The body as JSON, or undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error an unsuccessful answer stands for: the coordinator's own code where its body has one. */
export function errorOfAnswer(status: number, text: string): UnderstudyError {
  const body = parseJson(text);
  const error = isRecord(body) ? body['error'] : undefined;
  if (isRecord(error) && isErrorCode(error['code'])) {
    const message = typeof error['message'] === 'string' ? error['message'] : error['code'];
    const details = error['details'];
    return new UnderstudyError(error['code'], message, isRecord(details) ? { details } : {});
  }
  return new UnderstudyError(codeOfStatus(status), `The coordinator answered ${status} without saying why.`, {
    details: { status },
  });
}

export function unreachable(cause: unknown): UnderstudyError {
  return new UnderstudyError(
    'COORDINATOR_UNREACHABLE',
    'The coordinator could not be reached: check its address and that it is running.',
    { cause },
  );
}

export function cancelled(cause: unknown): UnderstudyError {
  return new UnderstudyError('CANCELLED', 'The request was cancelled.', { cause });
}

function codeOfStatus(status: number): ErrorCode {
  if (NOBODY_THERE.has(status)) return 'COORDINATOR_UNREACHABLE';
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 404) return 'NOT_FOUND';
  if (status === 409) return 'CONFLICT';
  if (status === 413) return 'PAYLOAD_TOO_LARGE';
  if (status === 429) return 'RATE_LIMITED';
  return status < 500 ? 'INVALID_REQUEST' : 'INTERNAL';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
