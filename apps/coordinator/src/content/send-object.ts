import { setTimeout as delay } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';
import { UnderstudyError } from '@understudy/contracts';
import type { ProjectObjects } from '@understudy/storage';
import type { Request, Response } from 'express';
import { byteRange } from './byte-range.js';

export interface SentAs {
  readonly mediaType: string;
  /** Makes it a download under this name. */
  readonly fileName?: string;
  /** Asked anew while the bytes go out: with false, or an error of ours, the answer ends where it is. */
  readonly mayGoOn: () => Promise<boolean>;
}

const LOOK_MS = 500;
/** For so long an answer goes on while nobody can say whether it may. */
const UNKNOWN_MS = 5_000;

/**
 * Answers with one stored object, or the one range of it that was asked for, for as long as it may. Nothing on the way may
 * keep it.
 *
 * @throws UnderstudyError NOT_FOUND
 */
export async function sendObject(
  store: ProjectObjects,
  sha256: string,
  request: Request,
  response: Response,
  { mediaType, fileName, mayGoOn }: SentAs,
): Promise<void> {
  const stored = await store.stat(sha256);
  if (stored === null) throw new UnderstudyError('NOT_FOUND', 'The object store has no such object.');
  const range = byteRange(request.headers.range, stored.bytes);
  response.set({ 'accept-ranges': 'bytes', 'cache-control': 'no-store', etag: `"${sha256}"` });
  if (range === 'unsatisfiable') {
    response.status(416).set('content-range', `bytes */${stored.bytes}`).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: stored.bytes };
  response.set({ 'content-type': mediaType, 'content-length': String(end - start) });
  if (fileName !== undefined) response.attachment(fileName).set('content-type', mediaType);
  if (range !== undefined) response.status(206).set('content-range', `bytes ${start}-${end - 1}/${stored.bytes}`);
  const content = await store.open(sha256, { start, end });
  const sent = new AbortController();
  const cut = new AbortController();
  const watch = endOnceRefused(mayGoOn, sent.signal).then((refused) => {
    if (!refused) return;
    // Nor does the system send what it still holds of it.
    request.socket.resetAndDestroy();
    cut.abort();
  });
  try {
    await pipeline(content, response, { signal: cut.signal });
  } catch (thrown) {
    // A client that hangs up is no fault of ours; the pipeline has closed the file.
    const { code } = thrown as NodeJS.ErrnoException;
    if (!cut.signal.aborted && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw thrown;
  } finally {
    sent.abort();
    await watch;
  }
}

/** @returns whether it was refused, before all was sent */
async function endOnceRefused(mayGoOn: () => Promise<boolean>, sent: AbortSignal): Promise<boolean> {
  let knownMs = performance.now();
  for (;;) {
    const isOver = await delay(LOOK_MS, false, { signal: sent }).catch(() => true);
    if (isOver) return false;
    try {
      if (!(await mayGoOn())) return true;
      knownMs = performance.now();
    } catch (thrown) {
      const isUnknown = !(thrown instanceof UnderstudyError) || thrown.code === 'DATABASE_UNAVAILABLE';
      if (!isUnknown || performance.now() - knownMs > UNKNOWN_MS) return true;
    }
  }
}
