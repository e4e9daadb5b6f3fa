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
  object(sha256: string): string {
    if (!Sha256.safeParse(sha256).success) throw new UnderstudyError('INVALID_REQUEST', 'That is no SHA-256 hash.');
    return join(this.objects, sha256.slice(0, 2), sha256);
  }

  /** @throws UnderstudyError INVALID_REQUEST */
  upload(uploadId: string): string {
    return join(this.uploads, this.uuid(uploadId));
  }

  /** What is left of a finished upload: the hash it had. @throws UnderstudyError INVALID_REQUEST */
  receipt(uploadId: string): string {
    return `${this.upload(uploadId)}.done`;
  }

  /** @throws UnderstudyError INVALID_REQUEST */
  partialFile(id: string): string {
    return join(this.partial, this.uuid(id));
  }

  private uuid(id: string): string {
    if (!Uuid.safeParse(id).success) throw new UnderstudyError('INVALID_REQUEST', 'That is no id of an upload.');
    return id.toLowerCase();
  }
}
