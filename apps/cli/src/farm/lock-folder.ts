import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import { processTag } from './run-folder.js';

/**
 * Takes a farm's folder for this process.
 *
 * @throws UnderstudyError CONFLICT when a living process has it; one that was killed does not hold it.
 */
export async function lockFolder(dir: string): Promise<{ stop(): Promise<void> }> {
  const path = join(dir, 'owner');
  const mine = await processTag(process.pid);
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(mine);
      await file.close();
      return { stop: () => rm(path, { force: true }) };
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
    const owner = await readFile(path, 'utf8').catch(() => '');
    const pid = Number(owner.split(' ')[0]);
    if (owner !== '' && (await processTag(pid)) === owner) {
      throw new UnderstudyError('CONFLICT', `this farm is already up, as process ${pid}; stop that one first`);
    }
    await rm(path, { force: true });
  }
}
