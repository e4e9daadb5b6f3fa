import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { UnderstudyError } from '@understudy/contracts';

const BLOCK = 512;
/** Names that an archive of ours may have: plain files beside one another. */
const PLAIN = /^[a-z0-9][a-z0-9.-]{0,60}$/;
const MOST_FILES = 100;

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

/** A ustar header of a plain file, mode 0644, of no owner and no time, so that the same files make the same archive. */
function headerOf(name: string, bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100, 'latin1');
  header.write(octal(0o644, 7), 100, 'latin1');
  header.write(octal(0, 7), 108, 'latin1');
  header.write(octal(0, 7), 116, 'latin1');
  header.write(octal(bytes, 11), 124, 'latin1');
  header.write(octal(0, 11), 136, 'latin1');
  header.write('        0', 148, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function sumOf(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < BLOCK; at += 1) sum += at >= 148 && at < 156 ? 0x20 : (header[at] ?? 0);
  return sum;
}

async function* blocks(paths: readonly string[]): AsyncGenerator<Buffer> {
  for (const path of paths) {
    const { size } = await stat(path);
    yield headerOf(basename(path), size);
    for await (const chunk of createReadStream(path)) yield chunk as Buffer;
    yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** Packs files, under their own names and in this order, into a gzipped tar (POSIX ustar). */
export async function writeTarGz(out: string, paths: readonly string[]): Promise<void> {
  await pipeline(blocks(paths), createGzip(), createWriteStream(out, { mode: 0o600 }));
}

/** Bytes in the portions that a reader asks for. */
class Portions {
  #held = Buffer.alloc(0);
  readonly #source: AsyncIterator<Buffer>;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes; fewer only where the next chunk ends, none at the end. */
  async some(most: number): Promise<Buffer> {
    if (this.#held.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return Buffer.alloc(0);
      this.#held = Buffer.from(next.value);
    }
    const portion = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(portion.length);
    return portion;
  }

  /** @throws SyntaxError where there are not so many */
  async exactly(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0;) {
      const part = await this.some(left);
      if (part.length === 0) throw new SyntaxError('the archive is cut off');
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }
}

async function copy(from: Portions, path: string, bytes: number): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for (let left = bytes; left > 0;) {
      const part = await from.some(left);
      if (part.length === 0) throw new SyntaxError('the archive is cut off');
      await file.write(part);
      left -= part.length;
    }
  } finally {
    await file.close();
  }
}

/**
 * Unpacks an archive of plain files into a folder.
 *
 * @returns their names
 * @throws UnderstudyError USAGE for what is no such archive: another format, a link, a path, a name twice, cut off
 */
export async function readTarGz(path: string, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names: string[] = [];
  const source = createReadStream(path);
  const unzipped = createGunzip();
  const piping = pipeline(source, unzipped).catch(() => undefined);
  try {
    const portions = new Portions(unzipped as AsyncIterable<Buffer>);
    for (;;) {
      const header = await portions.exactly(BLOCK);
      if (header.every((byte) => byte === 0)) break;
      const name = header.toString('latin1', 0, 100).replace(/\0.*$/s, '');
      const bytes = Number.parseInt(header.toString('latin1', 124, 136), 8);
      const isSound = Number.parseInt(header.toString('latin1', 148, 156), 8) === sumOf(header);
      if (!isSound || !PLAIN.test(name) || header[156] !== 0x30 || !Number.isSafeInteger(bytes)) {
        throw new SyntaxError('it holds something else than plain files');
      }
      if (names.push(name) > MOST_FILES) throw new SyntaxError('it holds too many files');
      await copy(portions, join(folder, name), bytes);
      await portions.exactly((BLOCK - (bytes % BLOCK)) % BLOCK);
    }
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UnderstudyError('USAGE', `${basename(path)} is no bundle: ${message}`, { cause });
  } finally {
    source.destroy();
    unzipped.destroy();
    await piping;
  }
  return names;
}

/** Whether a file begins as gzip does. */
export async function isGzip(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/** A small file's text. */
export const textOf = (folder: string, name: string): Promise<string> => readFile(join(folder, name), 'utf8');
