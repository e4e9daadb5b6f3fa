import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { UnderstudyError } from '@understudy/contracts';

const OWNER_FILE = 'owner.json';

/** The worker's scratch folder: holds frames and faces, so whatever lies there goes when the work does. */
export class Scratch {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Takes the folder for this process and empties it: a worker that was killed could not.
   *
   * @throws UnderstudyError CONFLICT when a living worker owns it, OUTPUT_UNWRITABLE
   */
  static async take(folder: string): Promise<Scratch> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await claim(join(folder, OWNER_FILE));
    } catch (cause) {
      if (cause instanceof UnderstudyError) throw cause;
      throw new UnderstudyError('OUTPUT_UNWRITABLE', 'The scratch folder can not be used: check SCRATCH_DIR.', {
        cause,
      });
    }
    const scratch = new Scratch(folder);
    await scratch.#empty();
    return scratch;
  }

  lane(ordinal: number): string {
    return join(this.folder, `lane-${ordinal}`);
  }

  get objects(): string {
    return join(this.folder, 'objects');
  }

  /** What a lane that ended left behind. */
  async wipeLane(ordinal: number): Promise<void> {
    await rm(this.lane(ordinal), { recursive: true, force: true });
  }

  /** Empties the folder and lets go of it. */
  async leave(): Promise<void> {
    await this.#empty();
    await rm(join(this.folder, OWNER_FILE), { force: true });
  }

  async #empty(): Promise<void> {
    for (const name of await readdir(this.folder)) {
      if (name !== OWNER_FILE) await rm(join(this.folder, name), { recursive: true, force: true });
    }
  }
}

async function claim(path: string): Promise<void> {
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(JSON.stringify({ pid: process.pid, startedAt: await startOf(process.pid) }));
      await file.close();
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    if (await isAlive(path)) {
      throw new UnderstudyError('CONFLICT', 'Another worker uses this scratch folder: give each its own SCRATCH_DIR.');
    }
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
