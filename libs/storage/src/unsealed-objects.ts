import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import { whereFound } from './disk-errors.js';
import { contentOf } from './durable-files.js';
import type { ObjectStore, StoredObject } from './object-store.js';
import { isUpload } from './sealed-upload.js';
import { StorePaths } from './store-paths.js';

/** Whoever seals a file writes to it more often. */
const AT_WORK_MS = 60_000;

/** Objects as stores kept them before they were sealed: in the clear, named by their hash alone. */
export class UnsealedObjects {
  readonly #paths: StorePaths;

  constructor(root: string) {
    this.#paths = new StorePaths(resolve(root));
  }

  async *list(): AsyncGenerator<StoredObject> {
    for (const folder of await whereFound(() => readdir(this.#paths.objects), [])) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      for (const sha256 of await whereFound(() => readdir(join(this.#paths.objects, folder)), [])) {
        const found = await whereFound(() => stat(this.#paths.unsealedObject(sha256)), null);
        if (found !== null) yield { sha256, bytes: found.size };
      }
    }
  }

  /**
   * Seals one for each of these projects, then removes it; done again after a crash, it goes on from there.
   *
   * @throws UnderstudyError INTERNAL for one whose content is not what its name says; it stays
   */
  async seal(store: ObjectStore, sha256: string, projectIds: readonly string[]): Promise<void> {
    const path = this.#paths.unsealedObject(sha256);
    for (const projectId of projectIds) {
      const objects = store.of(projectId);
      if ((await objects.stat(sha256)) !== null) continue;
      try {
        await objects.put(contentOf(path), { sha256 });
      } catch (cause) {
        if (!(cause instanceof UnderstudyError) || cause.code !== 'UPLOAD_MISMATCH') throw cause;
        throw new UnderstudyError('INTERNAL', `The stored object ${sha256} is not what its name says.`, { cause });
      }
    }
    await rm(path, { force: true });
  }

  /**
   * Takes away what was being brought or made in the clear, which cannot go on as it is: it is brought or made again. What
   * another replica is just sealing stays.
   */
  async removeUnfinished(nowMs: number): Promise<void> {
    const { root, uploads, partial } = this.#paths;
    for (const folder of [uploads, partial, join(root, 'scratch')]) {
      for (const entry of await whereFound(() => readdir(folder, { withFileTypes: true }), [])) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() || entry.name.endsWith('.done')) continue;
        const isGoingOn = folder === uploads ? await isUpload(path) : nowMs - (await mtimeMs(path)) < AT_WORK_MS;
        if (!isGoingOn) await rm(path, { force: true });
      }
    }
  }
}

async function mtimeMs(path: string): Promise<number> {
  return (await whereFound(() => lstat(path), null))?.mtimeMs ?? 0;
}
