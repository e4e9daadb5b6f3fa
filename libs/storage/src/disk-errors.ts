import { UnderstudyError } from '@understudy/contracts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function errorCodeOf(thrown: unknown): string | undefined {
  const { code } = (thrown ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** What a disk, or the share that it is, answers when it is away or broken. */
const AWAY = new Set(['EIO', 'ESTALE', 'ETIMEDOUT', 'EHOSTDOWN', 'EHOSTUNREACH', 'ENOTCONN', 'ENXIO', 'EROFS']);

/** The outage of the store that an error of the file system tells of; undefined for any other error. */
export function outageOf(thrown: unknown): UnderstudyError | undefined {
  if (thrown instanceof UnderstudyError) return undefined;
  const code = errorCodeOf(thrown) ?? '';
  if (FULL.has(code)) {
    const message = 'The disk of the object store is full; free some space and try again.';
    return new UnderstudyError('DISK_FULL', message, { cause: thrown });
  }
  // A connection's errors bear some of these codes too; a file's name the call that failed.
  if (!AWAY.has(code) || !isOfFile(thrown)) return undefined;
  const message = `The object store does not answer (${code}); look after its disk or share.`;
  return new UnderstudyError('STORE_UNAVAILABLE', message, { cause: thrown });
}

const FILE_CALLS: ReadonlySet<string> = new Set([
  ...['open', 'close', 'read', 'write', 'fsync', 'ftruncate', 'fstat', 'stat', 'lstat', 'access', 'utime', 'copyfile'],
  ...['rename', 'unlink', 'mkdir', 'rmdir', 'rm', 'opendir', 'scandir', 'readdir', 'statfs'],
]);

function isOfFile(thrown: unknown): boolean {
  const { syscall } = thrown as { syscall?: unknown };
  return typeof syscall === 'string' && FILE_CALLS.has(syscall);
}

/** Runs file work; a full disk becomes DISK_FULL, one that is away STORE_UNAVAILABLE. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw outageOf(thrown) ?? thrown;
  }
}

/** What `work` gives, or `fallback` where a file is not there. */
export async function whereFound<T, F>(work: () => Promise<T>, fallback: F): Promise<T | F> {
  try {
    return await work();
  } catch (thrown) {
    if (errorCodeOf(thrown) === 'ENOENT') return fallback;
    throw thrown;
  }
}
