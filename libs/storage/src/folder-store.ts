import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Sha256, Uuid } from '@understudy/contracts';
import { onDisk, whereFound } from './disk-errors.js';
import type { DataKeys, ListedObject, ObjectStore, ProjectObjects } from './object-store.js';
import { PlainCopies } from './plain-copies.js';
import { ProjectFolder } from './project-folder.js';
import { plainBytes } from './sealed-format.js';
import { arrivedBytes } from './sealed-upload.js';
import { ScratchFolder } from './scratch-folder.js';
import { StorePaths } from './store-paths.js';

/** Left by a process that died; younger ones may belong to another replica that is still writing. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

export interface FolderStoreOptions {
  readonly keys: DataKeys;
  /** Where copies in the clear lie while they are read, best in memory; by default a folder of the store. */
  readonly scratchDir?: string | undefined;
}

/** The object store as a folder of one file system, shared by the replicas of a coordinator. */
export class FolderStore implements ObjectStore {
  readonly #projects = new Map<string, ProjectObjects>();
  readonly #appending = new Set<string>();
  readonly #copies: PlainCopies;

  private constructor(
    private readonly paths: StorePaths,
    private readonly keys: DataKeys,
    private readonly scratch: ScratchFolder,
  ) {
    this.#copies = new PlainCopies(scratch);
  }

  /** Opens the store in a folder, made when it is not there. */
  static async open(root: string, { keys, scratchDir }: FolderStoreOptions): Promise<FolderStore> {
    const paths = new StorePaths(resolve(root));
    const scratch = resolve(scratchDir ?? join(root, 'scratch'));
    return await onDisk(async () => {
      for (const folder of [paths.objects, paths.uploads, paths.partial, scratch]) {
        await mkdir(folder, { recursive: true, mode: 0o700 });
      }
      const store = new FolderStore(paths, keys, await ScratchFolder.open(scratch));
      await store.removeAbandoned(Date.now());
      return store;
    });
  }

  /** Removes what dead processes and forgotten uploads left more than a day before `nowMs`. */
  async removeAbandoned(nowMs: number): Promise<void> {
    for (const folder of [this.paths.partial, this.paths.uploads]) {
      for (const name of await readdir(folder)) {
        const path = join(folder, name);
        const found = await whereFound(() => stat(path), null);
        if (found !== null && nowMs - found.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
      }
    }
  }

  of(projectId: string): ProjectObjects {
    const id = projectId.toLowerCase();
    const known = this.#projects.get(id);
    if (known !== undefined) return known;
    const { paths, keys } = this;
    const parts = { projectId: id, paths, keys, copies: this.#copies, appending: this.#appending };
    const project = new ProjectFolder(parts);
    if (Uuid.safeParse(id).success) this.#projects.set(id, project);
    return project;
  }

  async *list(of?: string): AsyncGenerator<ListedObject> {
    const { objects } = this.paths;
    for (const projectId of of === undefined ? await readdir(objects) : [of.toLowerCase()]) {
      if (!Uuid.safeParse(projectId).success) continue;
      for (const folder of await whereFound(() => readdir(join(objects, projectId)), [])) {
        for (const sha256 of await whereFound(() => readdir(join(objects, projectId, folder)), [])) {
          if (!Sha256.safeParse(sha256).success) continue;
          const found = await whereFound(() => stat(this.paths.object(projectId, sha256)), null);
          const bytes = found === null ? null : plainBytes(found.size);
          if (found !== null && bytes !== null) yield { projectId, sha256, bytes, storedAt: found.mtime };
        }
      }
    }
  }

  async uploadOffset(uploadId: string): Promise<number> {
    return await arrivedBytes(this.paths.upload(uploadId));
  }

  async discardUpload(uploadId: string): Promise<void> {
    await rm(this.paths.upload(uploadId), { force: true });
    await rm(this.paths.receipt(uploadId), { force: true });
  }

  async withFolder<T>(work: (folder: string) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const folder = join(this.scratch.path, randomUUID());
    const takeAway = async (): Promise<void> => await rm(folder, { recursive: true, force: true });
    const onAbort = (): void => void takeAway();
    await onDisk(() => mkdir(folder, { recursive: true, mode: 0o700 }));
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await onDisk(() => work(folder));
    } finally {
      signal?.removeEventListener('abort', onAbort);
      await takeAway();
    }
  }

  async close(): Promise<void> {
    await this.#copies.close();
    await this.scratch.close();
  }
}
