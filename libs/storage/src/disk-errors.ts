import { UnderstudyError } from '@understudy/contracts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function errorCodeOf(thrown: unknown): string | undefined {
  const { code } = (thrown ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** Runs file work; a full disk becomes DISK_FULL. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!FULL.has(errorCodeOf(thrown) ?? '')) throw thrown;
    throw new UnderstudyError('DISK_FULL', 'The disk of the object store is full; free some space and try again.', {
      cause: thrown,
    });
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
