import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';

/**
 * A file that is at its path whole or not at all: it grows under a hidden name beside it and is renamed when complete.
 */
export class PartialFile {
  readonly path: string;
  /** Where to write until then. */
  readonly partialPath: string;

  private constructor(path: string, partialPath: string) {
    this.path = path;
    this.partialPath = partialPath;
  }

  /** @throws OUTPUT_UNWRITABLE when nothing can be written there, DISK_FULL */
  static async create(path: string): Promise<PartialFile> {
    const name = `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.part`;
    const partial = new PartialFile(path, join(dirname(path), name));
    try {
      if ((await stat(path).catch(() => null))?.isDirectory()) throw new Error('the path is a folder');
      const file = await open(partial.partialPath, 'wx', 0o600);
      await file.close();
    } catch (error) {
      throw unwritable(error, path);
    }
    return partial;
  }

  /** Makes the file durable and puts it at its path. */
  async commit(): Promise<void> {
    try {
      const file = await open(this.partialPath, 'r+');
      try {
        await file.sync();
        await file.chmod(0o644);
      } finally {
        await file.close();
      }
      await rename(this.partialPath, this.path);
    } catch (error) {
      await this.discard();
      throw unwritable(error, this.path);
    }
  }

  async discard(): Promise<void> {
    await rm(this.partialPath, { force: true });
  }
}

/** Why a file cannot be written there. */
export function unwritable(cause: unknown, path: string): UnderstudyError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UnderstudyError('DISK_FULL', 'the disk is full; free some space or choose another folder', {
      cause,
      details: { path },
    });
  }
  return new UnderstudyError(
    'OUTPUT_UNWRITABLE',
    'the output cannot be written there; check that its folder exists and is yours',
    {
      cause,
      details: { path },
    },
  );
}
