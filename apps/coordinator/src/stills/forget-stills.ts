import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes the stills that were decoded from an object, of every frame and size. @returns how many */
export async function forgetStills(folder: string, sha256: string): Promise<number> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw thrown;
  });
  const mine = names.filter((name) => name.startsWith(`${sha256}-`));
  for (const name of mine) await rm(join(folder, name), { force: true });
  return mine.length;
}
