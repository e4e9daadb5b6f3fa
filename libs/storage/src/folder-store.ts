import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { UnderstudyError } from '@understudy/contracts';
import { errorCodeOf, onDisk, whereFound } from './disk-errors.js';
import { hashFile, publish, writeAll } from './durable-files.js';
import type { ByteRange, ListedObject, ObjectStore, PutOptions, StoredObject } from './object-store.js';
import { StorePaths } from './store-paths.js';

/** Left by a process that died; younger ones may belong to another replica that is still writing. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

const mismatch = (announced: Partial<StoredObject>, found: StoredObject): UnderstudyError =>
  new UnderstudyError('UPLOAD_MISMATCH', 'What arrived is not what was announced; upload it again from the start.', {
    details: { announced, found },
  });

/** The object store as a folder of one file system, shared by the replicas of a coordinator. */
export class FolderStore implements ObjectStore {
  /** Uploads that this process is appending to. */
  private readonly appending = new Set<string>();

  private constructor(private readonly paths: StorePaths) {}

  /** Opens the store in a folder, made when it is not there. */
  static async open(root: string): Promise<FolderStore> {
    const paths = new StorePaths(resolve(root));
    await onDisk(async () => {
      for (const folder of [paths.objects, paths.uploads, paths.partial]) {
        await mkdir(folder, { recursive: true, mode: 0o700 });
      }
    });
    const store = new FolderStore(paths);
    await store.removeAbandoned(Date.now());
    return store;
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

  async put(content: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<StoredObject> {
    const path = this.paths.partialFile(randomUUID());
    return this.publishing(path, async () => {
      const file = await open(path, 'wx', 0o600);
      const hash = createHash('sha256');
      let bytes: number;
      try {
        const maxBytes = options.maxBytes ?? Number.MAX_SAFE_INTEGER;
        bytes = await writeAll(file, 0, content, maxBytes, (chunk) => hash.update(chunk));
        await file.sync();
      } finally {
        await file.close();
      }
      const found = { sha256: hash.digest('hex'), bytes };
      if (options.sha256 !== undefined && options.sha256 !== found.sha256) {
        throw mismatch({ sha256: options.sha256 }, found);
      }
      return found;
    });
  }

  async takeFile(source: string): Promise<StoredObject> {
    const path = this.paths.partialFile(randomUUID());
    const stored = await this.publishing(path, async () => {
      try {
        await rename(source, path);
      } catch (thrown) {
        if (errorCodeOf(thrown) !== 'EXDEV') throw thrown;
        await copyFile(source, path, constants.COPYFILE_EXCL);
      }
      return hashFile(path);
    });
    await rm(source, { force: true });
    return stored;
  }

  async stat(sha256: string): Promise<StoredObject | null> {
    const found = await whereFound(() => stat(this.paths.object(sha256)), null);
    return found === null ? null : { sha256, bytes: found.size };
  }

  async open(sha256: string, range?: ByteRange): Promise<Readable> {
    const { path, bytes } = await this.existing(sha256);
    const { start, end } = range ?? { start: 0, end: bytes };
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > bytes) {
      throw new UnderstudyError('INVALID_REQUEST', `The range [${start}, ${end}) is not within ${bytes} bytes.`);
    }
    const file = await open(path, 'r');
    // A stream's `end` is inclusive and cannot say "nothing"; reading from behind the last byte does.
    return start === end ? file.createReadStream({ start: bytes }) : file.createReadStream({ start, end: end - 1 });
  }

  async localPath(sha256: string): Promise<string> {
    return (await this.existing(sha256)).path;
  }

  async *list(): AsyncGenerator<ListedObject> {
    for (const folder of await readdir(this.paths.objects)) {
      for (const sha256 of await whereFound(() => readdir(join(this.paths.objects, folder)), [])) {
        const found = await whereFound(() => stat(this.paths.object(sha256)), null);
        if (found !== null) yield { sha256, bytes: found.size, storedAt: found.mtime };
      }
    }
  }

  async delete(sha256: string): Promise<boolean> {
    return whereFound(async () => {
      await unlink(this.paths.object(sha256));
      return true;
    }, false);
  }

  async uploadOffset(uploadId: string): Promise<number> {
    return (await whereFound(() => stat(this.paths.upload(uploadId)), null))?.size ?? 0;
  }

  async appendUpload(
    uploadId: string,
    offset: number,
    content: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<number> {
    const path = this.paths.upload(uploadId);
    if (this.appending.has(path)) {
      throw new UnderstudyError('CONFLICT', 'Another request is appending to this upload; ask for its offset again.');
    }
    this.appending.add(path);
    try {
      return await onDisk(() => this.append(path, offset, content, maxBytes));
    } finally {
      this.appending.delete(path);
    }
  }

  async finishUpload(uploadId: string, announced: StoredObject): Promise<StoredObject> {
    const path = this.paths.upload(uploadId);
    const receipt = this.paths.receipt(uploadId);
    if ((await this.uploadOffset(uploadId)) === 0 && (await this.receiptNames(receipt, announced))) return announced;
    return this.publishing(path, async () => {
      const found = await whereFound(() => hashFile(path), null);
      if (found?.sha256 !== announced.sha256 || found.bytes !== announced.bytes) {
        throw mismatch(announced, found ?? { sha256: '', bytes: 0 });
      }
      await writeFile(receipt, found.sha256, { mode: 0o600, flush: true });
      return found;
    });
  }

  async discardUpload(uploadId: string): Promise<void> {
    await rm(this.paths.upload(uploadId), { force: true });
    await rm(this.paths.receipt(uploadId), { force: true });
  }

  /** Whether this very upload was finished before: knowing the hash of somebody else's object is no upload. */
  private async receiptNames(receipt: string, announced: StoredObject): Promise<boolean> {
    const named = await whereFound(() => readFile(receipt, 'utf8'), null);
    return named === announced.sha256 && (await this.stat(named))?.bytes === announced.bytes;
  }

  private async append(
    path: string,
    offset: number,
    content: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<number> {
    // No truncation and no O_APPEND: each byte goes to its own position, whoever else may write.
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { size } = await file.stat();
      if (offset !== size) {
        throw new UnderstudyError('CONFLICT', `This upload goes on at byte ${size}, not at ${offset}.`, {
          details: { offset: size },
        });
      }
      const end = await writeAll(file, offset, content, maxBytes);
      await file.sync();
      return end;
    } finally {
      await file.close();
    }
  }

  /** Gives a finished file its name; whatever goes wrong, the unfinished one is gone. */
  private async publishing(path: string, finish: () => Promise<StoredObject>): Promise<StoredObject> {
    try {
      return await onDisk(async () => {
        const stored = await finish();
        await publish(path, this.paths.object(stored.sha256));
        return stored;
      });
    } catch (thrown) {
      await rm(path, { force: true });
      throw thrown;
    }
  }

  private async existing(sha256: string): Promise<{ path: string; bytes: number }> {
    const path = this.paths.object(sha256);
    const found = await whereFound(() => stat(path), null);
    if (found === null) throw new UnderstudyError('NOT_FOUND', 'The object store has no such object.');
    return { path, bytes: found.size };
  }
}
