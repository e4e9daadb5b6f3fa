import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { UnderstudyError } from '@understudy/contracts';
import { writeWhole } from './durable-files.js';
import type { ByteRange, StoredObject } from './object-store.js';
import {
  altered,
  CHUNK_BYTES,
  chunksOf,
  HEADER_BYTES,
  plainBytes,
  RANDOM_BYTES,
  SEALED_CHUNK_BYTES,
  SealedFormat,
} from './sealed-format.js';

/** Chunks that are read or written at a time. */
const CHUNKS_AT_A_TIME = 16;

/** A project and its key. */
export interface ProjectKey {
  readonly projectId: string;
  readonly dataKey: Uint8Array;
}

/**
 * Seals a stream into a new, empty file and syncs it.
 *
 * @throws UnderstudyError PAYLOAD_TOO_LARGE
 */
export async function writeSealed(
  file: FileHandle,
  { projectId, dataKey }: ProjectKey,
  content: AsyncIterable<Uint8Array>,
  maxBytes = Number.MAX_SAFE_INTEGER,
): Promise<StoredObject> {
  const format = SealedFormat.make(dataKey, projectId, randomBytes(RANDOM_BYTES));
  const hash = createHash('sha256');
  const room = Buffer.allocUnsafe(CHUNKS_AT_A_TIME * CHUNK_BYTES);
  let [held, bytes, chunks] = [0, 0, 0];
  const flush = async (isEnd: boolean): Promise<void> => {
    const count = isEnd ? chunksOf(held) : CHUNKS_AT_A_TIME;
    const sealed = Array.from({ length: count }, (_, n) => {
      const plain = room.subarray(n * CHUNK_BYTES, Math.min(held, (n + 1) * CHUNK_BYTES));
      return format.seal(chunks + n, plain, isEnd && n === count - 1);
    });
    await writeWhole(file, Buffer.concat(sealed.flat()), HEADER_BYTES + chunks * SEALED_CHUNK_BYTES);
    chunks += count;
    held = 0;
  };
  for await (const piece of content) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      throw new UnderstudyError('PAYLOAD_TOO_LARGE', `More than ${maxBytes} bytes arrived.`, { details: { maxBytes } });
    }
    hash.update(piece);
    for (let at = 0; at < piece.length;) {
      // What is full waits until more comes: the last chunk is sealed as the last.
      if (held === room.length) await flush(false);
      const taken = Math.min(piece.length - at, room.length - held);
      room.set(piece.subarray(at, at + taken), held);
      [at, held] = [at + taken, held + taken];
    }
  }
  await flush(true);
  const stored = { sha256: hash.digest('hex'), bytes };
  await writeWhole(file, format.header(stored), 0);
  await file.sync();
  return stored;
}

/** A sealed object, open to be read from any byte on. */
export class SealedFile {
  private constructor(
    private readonly file: FileHandle,
    private readonly format: SealedFormat,
    readonly bytes: number,
  ) {}

  /** @throws UnderstudyError INTERNAL for what is not the object of that name; the file system's error where there is none */
  static async open(path: string, sha256: string, { projectId, dataKey }: ProjectKey): Promise<SealedFile> {
    const file = await open(path, 'r');
    try {
      const bytes = plainBytes((await file.stat()).size);
      if (bytes === null) throw altered();
      const header = Buffer.alloc(HEADER_BYTES);
      await file.read(header, 0, HEADER_BYTES, 0);
      return new SealedFile(file, SealedFormat.read(dataKey, projectId, header, { sha256, bytes }), bytes);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** The bytes `[start, end)`, in pieces of up to a MiB; closes the file behind them. */
  async *pieces({ start, end }: ByteRange): AsyncGenerator<Buffer> {
    try {
      const last = chunksOf(this.bytes) - 1;
      for (let at = start; at < end;) {
        const first = Math.floor(at / CHUNK_BYTES);
        const count = Math.min(CHUNKS_AT_A_TIME, Math.floor((end - 1) / CHUNK_BYTES) - first + 1);
        const plain = Buffer.concat(await this.#chunks(first, count, last));
        const until = Math.min(end, (first + count) * CHUNK_BYTES);
        yield plain.subarray(at - first * CHUNK_BYTES, until - first * CHUNK_BYTES);
        at = until;
      }
    } finally {
      await this.close();
    }
  }

  /** As `pieces`, to be piped; closes the file when it ends or is given up. */
  stream(range: ByteRange): Readable {
    const pieces = this.pieces(range);
    return new Readable({
      read() {
        pieces.next().then(
          ({ value, done }) => this.push(done === true ? null : value),
          (thrown: unknown) => this.destroy(thrown as Error),
        );
      },
      destroy: async (error, callback) => {
        const failed = await this.#leave(pieces);
        callback(error ?? failed);
      },
    });
  }

  /** Also where nothing was read yet, and the generator has nothing to leave. */
  async #leave(pieces: AsyncGenerator<Buffer>): Promise<Error | null> {
    try {
      await pieces.return(undefined);
      await this.close();
      return null;
    } catch (thrown) {
      return thrown as Error;
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  async #chunks(first: number, count: number, last: number): Promise<Buffer[]> {
    const at = HEADER_BYTES + first * SEALED_CHUNK_BYTES;
    const sealed = Buffer.allocUnsafe(count * SEALED_CHUNK_BYTES);
    let held = 0;
    for (;;) {
      const { bytesRead } = await this.file.read(sealed, held, sealed.length - held, at + held);
      if (bytesRead === 0) break;
      held += bytesRead;
      if (held === sealed.length) break;
    }
    return Array.from({ length: count }, (_, n) => {
      const chunk = sealed.subarray(n * SEALED_CHUNK_BYTES, Math.min(held, (n + 1) * SEALED_CHUNK_BYTES));
      return this.format.open(first + n, chunk, first + n === last);
    });
  }
}
