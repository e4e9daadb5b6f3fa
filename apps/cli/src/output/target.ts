import { constants } from 'node:fs';
import { access, mkdir, open, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type SubmitShot, UnderstudyError } from '@understudy/contracts';

export type Container = SubmitShot['container'];

const CONTAINERS: Readonly<Record<string, Container>> = {
  '.mp4': 'mp4',
  '.mov': 'mov',
  '.mkv': 'mkv',
  '.png': 'png',
  '.jpg': 'jpg',
  '.jpeg': 'jpg',
};

export const CONTAINER_NAMES: readonly Container[] = [...new Set(Object.values(CONTAINERS))];

/** @throws UnderstudyError USAGE for a file name whose ending says nothing we write. */
export function containerOf(path: string): Container {
  const container = CONTAINERS[extname(path).toLowerCase()];
  if (container === undefined) {
    throw new UnderstudyError(
      'USAGE',
      `cannot tell the output's format from ${basename(path)}; end it in ${Object.keys(CONTAINERS).join(' ')}`,
    );
  }
  return container;
}

/**
 * Makes sure, before any work, that a file can be written there.
 *
 * @throws UnderstudyError OUTPUT_UNWRITABLE saying what is in the way.
 */
export async function requireWritable(path: string): Promise<string> {
  const full = resolve(path);
  const folder = dirname(full);
  try {
    if (await isFolder(full)) throw new UnderstudyError('OUTPUT_UNWRITABLE', `${path} is a folder; name a file in it`);
    await access(folder, constants.W_OK);
    const trial = join(folder, `.understudy-${process.pid}`);
    await (await open(trial, 'wx')).close();
    await rm(trial);
  } catch (thrown) {
    if (thrown instanceof UnderstudyError) throw thrown;
    const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UnderstudyError(
      'OUTPUT_UNWRITABLE',
      missing
        ? `the folder ${folder} does not exist; make it first`
        : `nothing can be written in ${folder}; choose another place`,
      { cause: thrown },
    );
  }
  return full;
}

/** @throws UnderstudyError OUTPUT_UNWRITABLE */
export async function requireFolder(path: string): Promise<string> {
  const full = resolve(path);
  try {
    await mkdir(full, { recursive: true });
  } catch (cause) {
    throw new UnderstudyError('OUTPUT_UNWRITABLE', `the folder ${path} cannot be made; choose another place`, {
      cause,
    });
  }
  await requireWritable(join(full, 'output'));
  return full;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
