import { open, readFile, rm } from 'node:fs/promises';

/**
 * Makes a file that says which process owns something; one of a process that is gone is replaced.
 *
 * @returns false while another process that lives owns it
 */
export async function ownFile(path: string): Promise<boolean> {
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(JSON.stringify({ pid: process.pid, startedAt: await startOf(process.pid) }));
      await file.close();
      return true;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    if (await isAlive(path)) return false;
    await rm(path, { force: true });
  }
}

async function isAlive(path: string): Promise<boolean> {
  try {
    const owner: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof owner !== 'object' || owner === null || !('pid' in owner) || typeof owner.pid !== 'number') return false;
    if (owner.pid === process.pid) return false;
    process.kill(owner.pid, 0);
    const startedAt = 'startedAt' in owner ? owner.startedAt : null;
    return startedAt === (await startOf(owner.pid));
  } catch {
    return false;
  }
}

/** Tells a process from a later one of the same number; null where the system does not say. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the name in parentheses before it may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
