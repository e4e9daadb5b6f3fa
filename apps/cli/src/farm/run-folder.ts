import { randomBytes } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterElsewhere } from './cluster-home.js';

/**
 * Everything a farm of one command writes lies in one folder: cluster, objects, scratch, logs. It goes when the command
 * ends. A command that was killed leaves its folder; the next one finds that its owner is gone and removes it.
 */
export interface RunFolder {
  readonly id: string;
  readonly dir: string;
  remove(): Promise<void>;
}

const OWNER = 'owner';

export async function createRunFolder(homeDir: string): Promise<RunFolder> {
  const runs = join(homeDir, 'runs');
  await mkdir(runs, { recursive: true, mode: 0o755 });
  await sweep(runs);
  const id = `${new Date().toISOString().replaceAll(/[-:]|\..*/g, '')}-${randomBytes(3).toString('hex')}`;
  const dir = join(runs, id);
  // The database's account must get through; what is private lies in folders of its own.
  await mkdir(dir, { mode: 0o711 });
  await writeFile(join(dir, OWNER), await processTag(process.pid));
  return { id, dir, remove: () => removeFarm(dir) };
}

async function removeFarm(dir: string): Promise<void> {
  for (const path of [clusterElsewhere(dir), dir]) await rm(path, { recursive: true, force: true, maxRetries: 5 });
}

async function sweep(runs: string): Promise<void> {
  for (const name of await readdir(runs)) {
    const dir = join(runs, name);
    const owner = await readFile(join(dir, OWNER), 'utf8').catch(() => null);
    // A folder without owner may be one that is being made right now.
    if (owner === null) continue;
    const pid = Number(owner.split(' ')[0]);
    if ((await processTag(pid)) !== owner) await removeFarm(dir);
  }
}

/** A process by id and start time, so that a reused id is not taken for it. */
export async function processTag(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return `${pid} ${startedAt ?? 'gone'}`;
}

const KEPT = ['coordinator.log', 'worker.log', 'postgres.log', 'store'];

/** Copies what a person may want to look into: logs and objects; no database, no secrets. */
export async function keepRun(runDir: string, keepDir: string): Promise<void> {
  await mkdir(keepDir, { recursive: true });
  for (const name of KEPT) {
    // A farm that failed to start has only some of them.
    await cp(join(runDir, name), join(keepDir, name), { recursive: true }).catch(() => undefined);
  }
}
