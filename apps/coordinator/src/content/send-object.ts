import { pipeline } from 'node:stream/promises';
import { UnderstudyError } from '@understudy/contracts';
import type { ProjectObjects } from '@understudy/storage';
import type { Request, Response } from 'express';
import { byteRange } from './byte-range.js';

export interface SentAs {
  readonly mediaType: string;
  /** Makes it a download under this name. */
  readonly fileName?: string;
}

/**
 * Answers with one stored object, or the one range of it that was asked for. Nothing on the way may keep it.
 *
 * @throws UnderstudyError NOT_FOUND
 */
export async function sendObject(
  store: ProjectObjects,
  sha256: string,
  request: Request,
  response: Response,
  { mediaType, fileName }: SentAs,
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
  // A client that hangs up is no fault of ours; the pipeline has closed the file.
  await pipeline(content, response).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw thrown;
  });
}
