import { UnderstudyError } from '@understudy/contracts';
import type { ObjectStore } from '@understudy/storage';
import type { Request, Response } from 'express';
import { z } from 'zod';

/** Query of a PUT that appends to an upload. */
export const UploadQuery = z.object({ offset: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER) });
export type UploadQuery = z.output<typeof UploadQuery>;

/** The header that tells how many bytes are there, in answers to HEAD and PUT and in a CONFLICT about the offset. */
export const UPLOAD_OFFSET = 'Upload-Offset';

/** Answers a HEAD: the bytes already there. */
export function tellOffset(response: Response, offset: number): void {
  response.set({ [UPLOAD_OFFSET]: String(offset), 'cache-control': 'no-store' });
}

/**
 * Appends a request's body to an upload and tells the new offset.
 *
 * @param totalBytes length of the whole upload, as announced
 * @returns the new offset
 * @throws UnderstudyError CONFLICT with `details.offset`, PAYLOAD_TOO_LARGE, INVALID_REQUEST for a body that is no octets
 */
export async function receiveUpload(
  store: ObjectStore,
  upload: { readonly id: string; readonly projectId: string; readonly offset: number; readonly totalBytes: number },
  request: Request,
  response: Response,
): Promise<number> {
  if (request.is('application/octet-stream') === false) {
    throw new UnderstudyError('INVALID_REQUEST', 'Send the bytes as application/octet-stream.');
  }
  try {
    const { id, projectId, totalBytes } = upload;
    const offset = await store.of(projectId).appendUpload(id, upload.offset, arriving(request), totalBytes);
    tellOffset(response, offset);
    return offset;
  } catch (thrown) {
    if (thrown instanceof UnderstudyError && thrown.code === 'CONFLICT') {
      tellOffset(response, await store.uploadOffset(upload.id));
    }
    throw thrown;
  }
}

/** The body as it comes in; a client that hangs up ends it with what has arrived, to go on from there later. */
async function* arriving(request: Request): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of request) yield chunk as Uint8Array;
  } catch (thrown) {
    if (!request.readableAborted && (thrown as NodeJS.ErrnoException).code !== 'ECONNRESET') throw thrown;
  }
}
