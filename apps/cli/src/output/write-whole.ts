import { rename, rm, writeFile } from 'node:fs/promises';
import { UnderstudyError } from '@understudy/contracts';

/**
 * Writes a file so that it is there whole or not at all.
 *
 * @throws UnderstudyError DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await writeFile(partial, content, { mode });
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
    throw new UnderstudyError(
      full ? 'DISK_FULL' : 'OUTPUT_UNWRITABLE',
      `${path} could not be written; ${full ? 'free some space' : 'choose another place'}`,
      { cause },
    );
  }
}
