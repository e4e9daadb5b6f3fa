import { createHash, randomUUID, type Hash } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';

import { UnderstudyError, toUnderstudyError } from '@understudy/contracts';

import { cancelled, errorOfAnswer, unreachable } from './answer.js';
import { answerText, type Transport } from './transport.js';
import { isWorthAnotherTry, pause } from './upload.js';

export interface DownloadOptions {
  /** Lower-case hex; anything else is refused. */
  readonly sha256?: string;
  /** Most bytes that are taken. */
  readonly bytes?: number;
  readonly onProgress?: (receivedBytes: number) => void;
  readonly signal?: AbortSignal;
  /** Tries in a row that bring nothing further before it gives up. 5 by default. */
  readonly mostTries?: number;
}

export interface DownloadedContent {
  readonly bytes: number;
  readonly sha256: string;
}

const TRIES = 5;

/** What has arrived so far. */
interface Partial {
  readonly file: FileHandle;
  bytes: number;
  hash: Hash;
}

export async function downloadContent(
  transport: Transport,
  url: string,
  toPath: string,
  options: DownloadOptions = {},
): Promise<DownloadedContent> {
  const scratch = `${toPath}.${randomUUID()}.part`;
  try {
    const file = await open(scratch, 'wx', 0o600);
    const partial: Partial = { file, bytes: 0, hash: createHash('sha256') };
    try {
      await receiveAll(transport, url, partial, options);
      await file.sync();
    } finally {
      await file.close();
    }
    const sha256 = partial.hash.digest('hex');
    if (options.sha256 !== undefined && sha256 !== options.sha256) throw mismatch(options.sha256, sha256);
    await rename(scratch, toPath);
    return { bytes: partial.bytes, sha256 };
  } catch (thrown) {
    await rm(scratch, { force: true });
    throw fileError(thrown);
  }
}

async function receiveAll(transport: Transport, url: string, partial: Partial, options: DownloadOptions) {
  const tries = options.mostTries ?? TRIES;
  let idle = 0;
  for (;;) {
    const before = partial.bytes;
    try {
      return await receive(transport, url, partial, options);
    } catch (thrown) {
      if (!(thrown instanceof UnderstudyError)) throw thrown;
      idle = partial.bytes > before ? 0 : idle + 1;
      if (!isWorthAnotherTry(thrown) || idle >= tries) throw thrown;
      await pause(idle + 1, options.signal);
    }
  }
}

async function receive(
  transport: Transport,
  url: string,
  partial: Partial,
  { signal, onProgress, bytes: mostBytes = Infinity }: DownloadOptions,
): Promise<void> {
  const headers = partial.bytes === 0 ? {} : { range: `bytes=${partial.bytes}-` };
  const answer = await transport.exchange({ method: 'GET', path: url, headers, signal });
  if (answer.status === 200) await startOver(partial);
  else if (answer.status !== 206) throw errorOfAnswer(answer.status, await answerText(answer));
  const expected = partial.bytes + Number(answer.headers['content-length'] ?? Number.NaN);
  for await (const chunk of chunksOf(answer.body, signal)) {
    if (partial.bytes + chunk.byteLength > mostBytes) throw tooLong(mostBytes);
    partial.hash.update(chunk);
    await writeAll(partial.file, chunk, partial.bytes);
    partial.bytes += chunk.byteLength;
    onProgress?.(partial.bytes);
  }
  if (partial.bytes < expected) throw unreachable(new Error('the answer was cut'));
}

/** The connection's failures, apart from the disk's. */
async function* chunksOf(body: AsyncIterable<Buffer>, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const iterator = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      let step: IteratorResult<Buffer>;
      try {
        step = await iterator.next();
      } catch (cause) {
        throw signal?.aborted === true ? cancelled(cause) : unreachable(cause);
      }
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    await iterator.return?.();
  }
}

async function startOver(partial: Partial): Promise<void> {
  await partial.file.truncate(0);
  partial.bytes = 0;
  partial.hash = createHash('sha256');
}

async function writeAll(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < chunk.byteLength) {
    const { bytesWritten } = await file.write(chunk, written, chunk.byteLength - written, position + written);
    written += bytesWritten;
  }
}

function mismatch(expected: string, actual: string): UnderstudyError {
  return new UnderstudyError('UPLOAD_MISMATCH', 'What was downloaded is not the content that was named: try again.', {
    details: { expected, actual },
  });
}

function tooLong(mostBytes: number): UnderstudyError {
  return new UnderstudyError('UPLOAD_MISMATCH', 'The download is longer than announced.', { details: { mostBytes } });
}

function fileError(thrown: unknown): UnderstudyError {
  if (thrown instanceof UnderstudyError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UnderstudyError('DISK_FULL', 'The disk is full: free space, then try again.', { cause: thrown });
  }
  if (typeof code === 'string' && /^E(ACCES|PERM|ROFS|NOENT|NOTDIR|ISDIR|EXIST)$/.test(code)) {
    return new UnderstudyError('OUTPUT_UNWRITABLE', 'The output can not be written: check its folder.', {
      cause: thrown,
    });
  }
  return toUnderstudyError(thrown);
}
