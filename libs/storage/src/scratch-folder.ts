import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { errorCodeOf, whereFound } from './disk-errors.js';

const BEAT = 'alive';
const BEAT_MS = 5_000;
/** A process that has not shown itself for so long has ended, or is frozen and will find its files gone. */
const DEAD_AFTER_MS = 60_000;

/** Host, process, and a number of its own. */
const NAME = /^(.+)\.(\d+)\.[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** Folders of this very process, which may have several. */
const own = new Set<string>();

/**
 * A process's own folder for what is in the clear, beside those of others: taken away when the process ends, and when it was
 * killed, by the next one that starts. One on the same host is missed at once, one elsewhere after a minute without a sign of life.
 */
export class ScratchFolder {
  readonly #beat: NodeJS.Timeout;

  private constructor(
    readonly path: string,
    private readonly root: string,
  ) {
    this.#beat = setInterval(() => {
      // A disk that is full or away must not end the process.
      this.#show().catch(() => undefined);
      removeDead(root).catch(() => undefined);
    }, BEAT_MS);
    this.#beat.unref();
  }

  /** Makes one in `root`, and takes away those that were left there. */
  static async open(root: string): Promise<ScratchFolder> {
    const name = `${hostname()}.${process.pid}.${randomUUID()}`;
    own.add(name);
    await mkdir(join(root, name), { recursive: true, mode: 0o700 });
    const folder = new ScratchFolder(join(root, name), root);
    await folder.#show();
    await removeDead(root);
    return folder;
  }

  /** A path for a file that is not there yet. */
  file(): string {
    return join(this.path, randomUUID());
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    await rm(this.path, { recursive: true, force: true });
    own.delete(this.path.slice(this.root.length + 1));
  }

  async #show(): Promise<void> {
    await writeFile(join(this.path, BEAT), '', { mode: 0o600 });
  }
}

/** Both times are the file system's, whatever the hosts' clocks say. */
async function removeDead(root: string): Promise<void> {
  // Whatever else lies there is not ours to take away.
  const names = (await readdir(root)).filter((name) => NAME.test(name));
  const beats = new Map<string, number>();
  for (const name of names) beats.set(name, await beatOf(join(root, name)));
  const nowMs = Math.max(...[...own].map((name) => beats.get(name) ?? 0));
  for (const [name, beatMs] of beats) {
    if (own.has(name) || (mayBeAlive(name) && nowMs - beatMs < DEAD_AFTER_MS)) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
}

async function beatOf(path: string): Promise<number> {
  const shown = await whereFound(() => stat(join(path, BEAT)), null);
  return (shown ?? (await whereFound(() => stat(path), null)))?.mtimeMs ?? 0;
}

/** False for a process of this host that has ended. */
function mayBeAlive(name: string): boolean {
  const [, host, pid] = NAME.exec(name) ?? [];
  if (host !== hostname()) return true;
  // A process before this one had the same number, as in a container.
  if (Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (thrown) {
    return errorCodeOf(thrown) === 'EPERM';
  }
}
