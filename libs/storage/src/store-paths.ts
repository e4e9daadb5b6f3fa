import { join } from 'node:path';
import { Sha256, UnderstudyError, Uuid } from '@understudy/contracts';

/** Paths are made of checked hashes and UUIDs alone, so none can lead out of the store. */
export class StorePaths {
  readonly objects: string;
  readonly uploads: string;
  readonly partial: string;

  constructor(readonly root: string) {
    this.objects = join(root, 'objects');
    this.uploads = join(root, 'uploads');
    this.partial = join(root, 'partial');
  }

  /** @throws UnderstudyError INVALID_REQUEST */
  object(projectId: string, sha256: string): string {
    return join(this.objects, uuid(projectId, 'a project'), sha256Of(sha256).slice(0, 2), sha256);
  }

  /** Where an object lay before objects were sealed. @throws UnderstudyError INVALID_REQUEST */
  unsealedObject(sha256: string): string {
    return join(this.objects, sha256Of(sha256).slice(0, 2), sha256);
  }

  /** @throws UnderstudyError INVALID_REQUEST */
  upload(uploadId: string): string {
    return join(this.uploads, uuid(uploadId, 'an upload'));
  }

  /** What is left of a finished upload: the hash it had. @throws UnderstudyError INVALID_REQUEST */
  receipt(uploadId: string): string {
    return `${this.upload(uploadId)}.done`;
  }

  /** @throws UnderstudyError INVALID_REQUEST */
  partialFile(id: string): string {
    return join(this.partial, uuid(id, 'an upload'));
  }
}

function sha256Of(text: string): string {
  if (!Sha256.safeParse(text).success) throw new UnderstudyError('INVALID_REQUEST', 'That is no SHA-256 hash.');
  return text;
}

function uuid(id: string, of: string): string {
  if (!Uuid.safeParse(id).success) throw new UnderstudyError('INVALID_REQUEST', `That is no id of ${of}.`);
  return id.toLowerCase();
}
