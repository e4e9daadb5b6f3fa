import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import { UnderstudyError, toUnderstudyError } from '@understudy/contracts';

import { cancelled, errorOfAnswer } from './answer.js';
import { answerText, type Transport } from './transport.js';

/** Something that can be read from any offset, so that an upload can be resumed. */
export interface ContentSource {
  readonly bytes: number;
  open(offset: number): Readable;
}

export interface UploadOptions {
  /** Bytes that are there, of all; called as they go out. */
  readonly onProgress?: (sentBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
  /** Tries in a row that bring nothing further before it gives up. 5 by default. */
  readonly mostTries?: number;
}

export interface UploadedContent {
  readonly bytes: number;
}

const TRIES = 5;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export async function uploadContent(
  transport: Transport,
  path: string,
  source: string | ContentSource,
  options: UploadOptions = {},
): Promise<UploadedContent> {
  const content = typeof source === 'string' ? await fileSource(source) : source;
  const tries = options.mostTries ?? TRIES;
  let furthest = -1;
  let idle = 0;
  for (;;) {
    let asked = false;
    try {
      const offset = await offsetThere(transport, path, content.bytes, options.signal);
      asked = true;
      if (offset > furthest) [furthest, idle] = [offset, 0];
      options.onProgress?.(offset, content.bytes);
      if (offset === content.bytes) return { bytes: content.bytes };
      const reached = await append(transport, path, content, offset, options);
      if (reached === content.bytes) return { bytes: content.bytes };
    } catch (thrown) {
      const error = toUnderstudyError(thrown);
      idle += 1;
      // Another offset is expected than was just told: ask again. Told at the asking, it is about something else.
      const elsewhere = error.code === 'CONFLICT' && asked;
      if (!(elsewhere || isWorthAnotherTry(error)) || idle >= tries) throw error;
      await pause(idle, options.signal);
    }
  }
}

async function fileSource(path: string): Promise<ContentSource> {
  const { size } = await stat(path);
  return { bytes: size, open: (offset) => createReadStream(path, { start: offset }) };
}

async function offsetThere(
  transport: Transport,
  path: string,
  totalBytes: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const answer = await transport.exchange({ method: 'HEAD', path, signal });
  answer.body.resume();
  if (answer.status < 200 || answer.status > 299) throw errorOfAnswer(answer.status, '');
  return uploadOffset(answer.headers['upload-offset'], totalBytes);
}

async function append(
  transport: Transport,
  path: string,
  content: ContentSource,
  offset: number,
  { signal, onProgress }: UploadOptions,
): Promise<number> {
  const counted = countBytes((sent) => onProgress?.(offset + sent, content.bytes));
  const stream = content.open(offset);
  stream.on('error', (error) => counted.destroy(error));
  counted.on('close', () => stream.destroy());
  try {
    const answer = await transport.exchange({
      method: 'PUT',
      path: `${path}${path.includes('?') ? '&' : '?'}offset=${offset}`,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(content.bytes - offset),
      },
      body: stream.pipe(counted),
      signal,
    });
    const text = await answerText(answer);
    if (answer.status < 200 || answer.status > 299) throw errorOfAnswer(answer.status, text);
    return uploadOffset(answer.headers['upload-offset'], content.bytes);
  } finally {
    counted.destroy();
  }
}

function uploadOffset(header: string | string[] | undefined, totalBytes: number): number {
  const offset = Number(typeof header === 'string' ? header : Number.NaN);
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new UnderstudyError('INTERNAL', 'The coordinator did not say how much of the upload it has.');
  }
  if (offset > totalBytes) {
    throw new UnderstudyError(
      'UPLOAD_MISMATCH',
      'The coordinator holds more bytes than the file has: upload it anew.',
      {
        details: { there: offset, bytes: totalBytes },
      },
    );
  }
  return offset;
}

function countBytes(report: (sent: number) => void): Transform {
  let sent = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sent += chunk.byteLength;
      report(sent);
      done(null, chunk);
    },
  });
}

export function isWorthAnotherTry(error: UnderstudyError): boolean {
  const passing = ['COORDINATOR_UNREACHABLE', 'DATABASE_UNAVAILABLE', 'SHUTTING_DOWN', 'RATE_LIMITED'];
  return passing.includes(error.code);
}

export async function pause(tries: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw cancelled(cause);
  }
}
