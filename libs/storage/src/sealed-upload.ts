import { type Cipher, createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rm, stat } from 'node:fs/promises';
import { UnderstudyError } from '@understudy/contracts';
import { errorCodeOf, whereFound } from './disk-errors.js';
import { writeWhole } from './durable-files.js';
import { altered, KEY_ID_BYTES, keyIdOf, SALT_BYTES } from './sealed-format.js';
import type { ProjectKey } from './sealed-file.js';

/*
 * An upload while it arrives: a header, then the bytes under AES-256-CTR with a key that is this file's alone, each byte in its
 * own place. So an upload goes on at any byte, after a crash too, and nothing of it lies there in the clear. What was changed on
 * the disk is found when it is finished: its bytes must have the hash that was announced.
 */

const MAGIC = Buffer.from('USUP');
const VERSION = 1;
const SALT_AT = MAGIC.length + 1 + KEY_ID_BYTES;
const HEADER_BYTES = SALT_AT + SALT_BYTES;
const BLOCK_BYTES = 16;
const READ_BYTES = 1 << 20;

/** Bytes that have arrived; 0 where there is no file. */
export async function arrivedBytes(path: string): Promise<number> {
  const found = await whereFound(() => stat(path), null);
  return Math.max(0, (found?.size ?? 0) - HEADER_BYTES);
}

/** Whether a file is a sealed upload, of whatever project. */
export async function isUpload(path: string): Promise<boolean> {
  const file = await whereFound(() => open(path, 'r'), null);
  if (file === null) return false;
  try {
    const start = Buffer.alloc(MAGIC.length);
    await file.read(start, 0, start.length, 0);
    return start.equals(MAGIC);
  } finally {
    await file.close();
  }
}

function keyOf({ projectId, dataKey }: ProjectKey, salt: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, salt, `understudy upload/1 ${projectId}`, 32));
}

export class SealedUpload {
  private constructor(
    private readonly file: FileHandle,
    private readonly key: Buffer,
  ) {}

  /** @param partial where a new file is made before it gets its name */
  static async begin(path: string, partial: string, key: ProjectKey): Promise<SealedUpload> {
    // Another request may begin it or throw it away between any two steps; whoever holds a file open goes on with it.
    for (;;) {
      const upload =
        (await whereFound(() => SealedUpload.open(path, key), null)) ?? (await SealedUpload.#make(path, partial, key));
      if (upload !== null) return upload;
    }
  }

  /** @returns null where another request has begun it a moment ago */
  static async #make(path: string, partial: string, key: ProjectKey): Promise<SealedUpload | null> {
    const salt = randomBytes(SALT_BYTES);
    const file = await open(partial, 'wx+', 0o600);
    try {
      await writeWhole(file, Buffer.concat([MAGIC, Buffer.from([VERSION]), keyIdOf(key.dataKey), salt]), 0);
      await file.sync();
      await link(partial, path);
      return new SealedUpload(file, keyOf(key, salt));
    } catch (thrown) {
      await file.close();
      if (errorCodeOf(thrown) !== 'EEXIST') throw thrown;
      return null;
    } finally {
      await rm(partial, { force: true });
    }
  }

  /** @throws UnderstudyError INTERNAL for what is no upload of this project; the file system's error where there is none */
  static async open(path: string, project: ProjectKey): Promise<SealedUpload> {
    const file = await open(path, 'r+');
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      await file.read(header, 0, HEADER_BYTES, 0);
      const known = header.subarray(0, MAGIC.length).equals(MAGIC) && header[MAGIC.length] === VERSION;
      if (!known || !header.subarray(MAGIC.length + 1, SALT_AT).equals(keyIdOf(project.dataKey))) throw altered();
      return new SealedUpload(file, keyOf(project, header.subarray(SALT_AT)));
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /**
   * Writes the whole of `content` from `offset` on, in order, and syncs it.
   *
   * @returns the offset behind its last byte
   * @throws UnderstudyError PAYLOAD_TOO_LARGE
   */
  async append(offset: number, content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number> {
    const cipher = this.#cipherAt(offset);
    let at = offset;
    for await (const piece of content) {
      if (at + piece.length > maxBytes) {
        const message = `More than ${maxBytes} bytes arrived.`;
        throw new UnderstudyError('PAYLOAD_TOO_LARGE', message, { details: { maxBytes } });
      }
      await writeWhole(this.file, cipher.update(piece), HEADER_BYTES + at);
      at += piece.length;
    }
    await this.file.sync();
    return at;
  }

  /** What has arrived, from its first byte on. */
  async *content(): AsyncGenerator<Buffer> {
    const cipher = this.#cipherAt(0);
    for (let at = HEADER_BYTES; ;) {
      const { buffer, bytesRead } = await this.file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, at);
      if (bytesRead === 0) return;
      yield cipher.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  }

  async size(): Promise<number> {
    return Math.max(0, (await this.file.stat()).size - HEADER_BYTES);
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  #cipherAt(offset: number): Cipher {
    const counter = Buffer.alloc(BLOCK_BYTES);
    counter.writeBigUInt64BE(BigInt(Math.floor(offset / BLOCK_BYTES)), BLOCK_BYTES - 8);
    const cipher = createCipheriv('aes-256-ctr', this.key, counter);
    cipher.update(Buffer.alloc(offset % BLOCK_BYTES));
    return cipher;
  }
}
