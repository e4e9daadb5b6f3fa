import { randomUUID } from 'node:crypto';
import { open, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { UnderstudyError } from '@understudy/contracts';
import { onDisk, whereFound } from './disk-errors.js';
import { contentOf, publish } from './durable-files.js';
import type { ByteRange, DataKeys, ProjectObjects, PutOptions, StoredObject } from './object-store.js';
import type { PlainCopies } from './plain-copies.js';
import { type ProjectKey, SealedFile, writeSealed } from './sealed-file.js';
import { plainBytes } from './sealed-format.js';
import { arrivedBytes, SealedUpload } from './sealed-upload.js';
import type { StorePaths } from './store-paths.js';

const mismatch = (announced: Partial<StoredObject>, found: StoredObject): UnderstudyError =>
  new UnderstudyError('UPLOAD_MISMATCH', 'What arrived is not what was announced; upload it again from the start.', {
    details: { announced, found },
  });

const noSuchObject = (): UnderstudyError => new UnderstudyError('NOT_FOUND', 'The object store has no such object.');

export interface ProjectFolderParts {
  readonly projectId: string;
  readonly paths: StorePaths;
  readonly keys: DataKeys;
  readonly copies: PlainCopies;
  /** Uploads that this process is appending to. */
  readonly appending: Set<string>;
}

/** One project's objects in a folder of one file system. */
export class ProjectFolder implements ProjectObjects {
  constructor(private readonly parts: ProjectFolderParts) {}

  async put(content: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<StoredObject> {
    return this.#publishing(content, options.maxBytes, async (found) => {
      if (options.sha256 !== undefined && options.sha256 !== found.sha256) {
        throw mismatch({ sha256: options.sha256 }, found);
      }
    });
  }

  async takeFile(source: string): Promise<StoredObject> {
    const stored = await this.#publishing(contentOf(source));
    await rm(source, { force: true });
    return stored;
  }

  async stat(sha256: string): Promise<StoredObject | null> {
    // Of a project whose key was destroyed nothing is told, whatever lies there.
    if (this.parts.keys.forOpening(this.parts.projectId) === null) return null;
    const found = await whereFound(() => stat(this.#path(sha256)), null);
    const bytes = found === null ? null : plainBytes(found.size);
    return bytes === null ? null : { sha256, bytes };
  }

  async open(sha256: string, range?: ByteRange): Promise<Readable> {
    const file = await this.#sealed(sha256);
    const { start, end } = range ?? { start: 0, end: file.bytes };
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > file.bytes) {
      await file.close();
      throw new UnderstudyError('INVALID_REQUEST', `The range [${start}, ${end}) is not within ${file.bytes} bytes.`);
    }
    return file.stream({ start, end });
  }

  async withFiles<T>(
    sha256s: readonly string[],
    work: (paths: readonly string[]) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { copies } = this.parts;
    const names = sha256s.map((sha256) => this.#nameOf(sha256));
    const leases = await Promise.allSettled(
      sha256s.map((sha256, n) => onDisk(() => copies.lease(names[n] ?? '', () => this.#sealed(sha256)))),
    );
    const held = leases.flatMap((lease) => (lease.status === 'fulfilled' ? [lease.value] : []));
    const takeAway = (): void => {
      for (const name of new Set(names)) {
        void copies.withdrawFrom(name, names.filter((one) => one === name).length);
      }
    };
    signal?.addEventListener('abort', takeAway, { once: true });
    try {
      const failed = leases.find((lease) => lease.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      if (signal?.aborted === true) takeAway();
      signal?.throwIfAborted();
      return await work(held.map(({ path }) => path));
    } finally {
      signal?.removeEventListener('abort', takeAway);
      for (const { release } of held) await release();
    }
  }

  async delete(sha256: string): Promise<boolean> {
    const path = this.#path(sha256);
    await this.parts.copies.withdraw(this.#nameOf(sha256));
    return whereFound(async () => {
      await unlink(path);
      return true;
    }, false);
  }

  async appendUpload(
    uploadId: string,
    offset: number,
    content: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<number> {
    const { paths, appending } = this.parts;
    const path = paths.upload(uploadId);
    if (appending.has(path)) {
      throw new UnderstudyError('CONFLICT', 'Another request is appending to this upload; ask for its offset again.');
    }
    appending.add(path);
    try {
      return await onDisk(async () => {
        const upload = await SealedUpload.begin(path, paths.partialFile(randomUUID()), this.#keyForSealing());
        try {
          await requireOffset(upload, offset);
          return await upload.append(offset, content, maxBytes);
        } finally {
          await upload.close();
        }
      });
    } finally {
      appending.delete(path);
    }
  }

  async finishUpload(uploadId: string, announced: StoredObject): Promise<StoredObject> {
    const { paths } = this.parts;
    const path = paths.upload(uploadId);
    const receipt = paths.receipt(uploadId);
    const arrived = await arrivedBytes(path);
    if (arrived === 0 && (await this.#receiptNames(receipt, announced))) return announced;
    if (arrived !== announced.bytes) {
      await rm(path, { force: true });
      throw mismatch(announced, { sha256: '', bytes: arrived });
    }
    const stored = await this.#publishing(this.#arrived(path), undefined, async (found) => {
      if (found.sha256 !== announced.sha256) {
        await rm(path, { force: true });
        throw mismatch(announced, found);
      }
      await writeFile(receipt, found.sha256, { mode: 0o600, flush: true });
    });
    await rm(path, { force: true });
    return stored;
  }

  /** Whether this very upload was finished before: knowing the hash of somebody else's object is no upload. */
  async #receiptNames(receipt: string, announced: StoredObject): Promise<boolean> {
    const named = await whereFound(() => readFile(receipt, 'utf8'), null);
    return named === announced.sha256 && (await this.stat(named))?.bytes === announced.bytes;
  }

  async *#arrived(path: string): AsyncGenerator<Uint8Array> {
    // Nothing at all may be what was announced.
    const upload = await whereFound(() => SealedUpload.open(path, this.#keyForSealing()), null);
    if (upload === null) return;
    try {
      yield* upload.content();
    } finally {
      await upload.close();
    }
  }

  /** Seals what comes and gives it its name; whatever goes wrong, nothing is left of it. */
  async #publishing(
    content: AsyncIterable<Uint8Array>,
    maxBytes?: number,
    check: (found: StoredObject) => Promise<void> = () => Promise.resolve(),
  ): Promise<StoredObject> {
    const path = this.parts.paths.partialFile(randomUUID());
    try {
      return await onDisk(async () => {
        const file = await open(path, 'wx', 0o600);
        let stored: StoredObject;
        try {
          stored = await writeSealed(file, this.#keyForSealing(), content, maxBytes);
        } finally {
          await file.close();
        }
        await check(stored);
        await publish(path, this.#path(stored.sha256));
        return stored;
      });
    } catch (thrown) {
      await rm(path, { force: true });
      throw thrown;
    }
  }

  async #sealed(sha256: string): Promise<SealedFile> {
    const path = this.#path(sha256);
    const { projectId, keys } = this.parts;
    const dataKey = keys.forOpening(projectId);
    const file =
      dataKey === null ? null : await whereFound(() => SealedFile.open(path, sha256, { projectId, dataKey }), null);
    if (file === null) throw noSuchObject();
    return file;
  }

  #keyForSealing(): ProjectKey {
    const { projectId, keys } = this.parts;
    return { projectId, dataKey: keys.forSealing(projectId) };
  }

  #path(sha256: string): string {
    return this.parts.paths.object(this.parts.projectId, sha256);
  }

  #nameOf(sha256: string): string {
    return `${this.parts.projectId} ${sha256}`;
  }
}

async function requireOffset(upload: SealedUpload, offset: number): Promise<void> {
  const size = await upload.size();
  if (offset === size) return;
  throw new UnderstudyError('CONFLICT', `This upload goes on at byte ${size}, not at ${offset}.`, {
    details: { offset: size },
  });
}
