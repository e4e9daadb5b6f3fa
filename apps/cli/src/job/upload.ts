import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { NodeClient } from '@understudy/client/node';
import { type Asset, UnderstudyError } from '@understudy/contracts';
import { sniffMedia } from '@understudy/media';

export interface LocalFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** @throws UnderstudyError UNREADABLE_MEDIA when it is not a readable file, EMPTY_MEDIA when there is nothing in it. */
export async function readLocalFile(path: string): Promise<LocalFile> {
  try {
    const { size } = await stat(path);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    if (size === 0) throw new UnderstudyError('EMPTY_MEDIA', `${path} is empty; give a file with pictures in it`);
    return { path, sha256: hash.digest('hex'), bytes: size };
  } catch (thrown) {
    if (thrown instanceof UnderstudyError) throw thrown;
    const why = (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw new UnderstudyError('UNREADABLE_MEDIA', `${path} ${why}; check the path`, { cause: thrown });
  }
}

/**
 * A clip or an image to bring to the farm. What its first bytes give away (a playlist, words, an unknown format) is said
 * before anything is started or sent; the farm looks through the whole of it again.
 *
 * @throws UnderstudyError EMPTY_MEDIA, PLAYLIST_REFUSED, UNSUPPORTED_MEDIA, NOT_A_VIDEO, UNREADABLE_MEDIA
 */
export async function readMediaFile(path: string): Promise<LocalFile> {
  try {
    await sniffMedia(path);
  } catch (thrown) {
    if (!(thrown instanceof UnderstudyError)) throw thrown;
    const { code, message, details = {} } = thrown;
    throw new UnderstudyError(code, `${path}: ${message}`, { cause: thrown, details });
  }
  return readLocalFile(path);
}

export interface UploadRequest {
  readonly projectId: string;
  readonly kind: 'plate' | 'matte' | 'identity' | 'plate_reference';
  readonly file: LocalFile;
  readonly signal: AbortSignal;
  readonly onProgress?: (doneBytes: number) => void;
}

/** Uploads a file as an asset; what the farm already holds does not travel again. */
export async function uploadAsset(client: NodeClient, request: UploadRequest): Promise<Asset> {
  const { projectId, kind, file, signal, onProgress } = request;
  const body = { projectId, kind, sha256: file.sha256, bytes: file.bytes };
  const asset = await client.call('createAsset', { body }, { signal });
  if (!asset.complete) {
    await client.uploadContent(`/api/v1/assets/${asset.id}/content`, file.path, {
      signal,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  }
  return asset;
}
