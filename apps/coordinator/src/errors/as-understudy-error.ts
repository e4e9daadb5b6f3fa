import { HttpException } from '@nestjs/common';
import { type ErrorCode, projectKeyDestroyed, UnderstudyError } from '@understudy/contracts';
import { databaseFault, isOfDestroyedProject, normaliseDatabaseError } from '@understudy/db';
import { outageOf } from '@understudy/storage';

/** What the body parser, the router and the file system throw, in our codes. */
const BY_TYPE: Readonly<Record<string, { code: ErrorCode; message: string }>> = {
  'entity.too.large': { code: 'PAYLOAD_TOO_LARGE', message: 'The request is larger than this address takes.' },
  'entity.parse.failed': { code: 'INVALID_REQUEST', message: 'The body is not valid JSON.' },
  'encoding.unsupported': { code: 'INVALID_REQUEST', message: 'The encoding of the body is not supported.' },
  'charset.unsupported': { code: 'INVALID_REQUEST', message: 'The character set of the body is not supported.' },
  'request.aborted': { code: 'INVALID_REQUEST', message: 'The request ended before its body did.' },
  'request.size.invalid': { code: 'INVALID_REQUEST', message: 'The body is not as long as announced.' },
  ENOSPC: { code: 'DISK_FULL', message: 'The disk of the coordinator is full; free some space and try again.' },
};

function fromHttp(thrown: HttpException): UnderstudyError {
  const status = thrown.getStatus();
  if (status === 404) return new UnderstudyError('NOT_FOUND', 'There is nothing at this address.', { cause: thrown });
  if (status === 503) return new UnderstudyError('SHUTTING_DOWN', 'The coordinator is going down.', { cause: thrown });
  const code = status >= 400 && status < 500 ? 'INVALID_REQUEST' : 'INTERNAL';
  return new UnderstudyError(code, thrown.message, { cause: thrown });
}

function fromType(thrown: unknown): UnderstudyError | undefined {
  const { type, code } = (thrown ?? {}) as { type?: unknown; code?: unknown };
  const known = [type, code].map((key) => (typeof key === 'string' ? BY_TYPE[key] : undefined)).find(Boolean);
  return known === undefined ? undefined : new UnderstudyError(known.code, known.message, { cause: thrown });
}

/** Whatever a handler threw, as one of our errors; what nobody foresaw is INTERNAL. */
export function asUnderstudyError(thrown: unknown): UnderstudyError {
  if (thrown instanceof UnderstudyError) return thrown;
  // Nest wraps what its platform threw.
  const typed = fromType(thrown instanceof HttpException ? thrown.cause : thrown);
  if (typed !== undefined) return typed;
  const outage = outageOf(thrown);
  if (outage !== undefined) return outage;
  if (thrown instanceof HttpException) return fromHttp(thrown);
  if (isOfDestroyedProject(thrown)) return projectKeyDestroyed({ cause: thrown });
  const fault = databaseFault(thrown);
  if (fault?.kind === 'unique' || fault?.kind === 'conflict') {
    return new UnderstudyError('CONFLICT', 'Somebody else did this, or something in its way, at the same moment.', {
      cause: thrown,
    });
  }
  const normalised = normaliseDatabaseError(thrown);
  if (normalised instanceof UnderstudyError) return normalised;
  const { message } = (thrown ?? {}) as { message?: unknown };
  return new UnderstudyError('INTERNAL', String(message ?? 'something was thrown that is no error'), { cause: thrown });
}
