import type { Readable } from 'node:stream';

export interface StoredObject {
  /** Lower-case hex SHA-256 of the content; the object's only name. */
  readonly sha256: string;
  readonly bytes: number;
}

export interface ListedObject extends StoredObject {
  readonly projectId: string;
  /** When its bytes were last brought. */
  readonly storedAt: Date;
}

/** Half-open range of bytes `[start, end)` within an object. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface PutOptions {
  /** Most bytes the content may have; more is PAYLOAD_TOO_LARGE. */
  readonly maxBytes?: number;
  /** What the content must hash to; anything else is UPLOAD_MISMATCH. */
  readonly sha256?: string;
}

/** 256-bit keys of projects, wherever they are kept. Of a destroyed one both throw, and nothing is read or stored. */
export interface DataKeys {
  /** Made where there is none yet. */
  forSealing(projectId: string): Uint8Array;
  /** Null where there is none. */
  forOpening(projectId: string): Uint8Array | null;
}

/**
 * Immutable objects, named by their content, each a project's own and sealed under that project's key. An object is there whole
 * or not at all, after a crash too; putting the same content again changes nothing. Names are hashes, projects and uploads are
 * UUIDs: anything else is INVALID_REQUEST before any path is made of it. A full disk is DISK_FULL.
 */
export interface ObjectStore {
  /** A project's objects; the same ones each time. */
  of(projectId: string): ProjectObjects;

  /** All objects, or a project's, in no order; what comes or goes meanwhile may be among them or not. */
  list(of?: string): AsyncIterable<ListedObject>;

  /** Bytes of an upload that are already there; 0 for one that has not begun. */
  uploadOffset(uploadId: string): Promise<number>;

  /** Forgets an upload, begun or not. */
  discardUpload(uploadId: string): Promise<void>;

  /**
   * Gives work a folder of its own for what it makes in the clear, which is gone when it ends.
   *
   * @param signal takes the folder away at once
   */
  withFolder<T>(work: (folder: string) => Promise<T>, signal?: AbortSignal): Promise<T>;

  /** Ends what is kept in the clear. */
  close(): Promise<void>;
}

export interface ProjectObjects {
  /** Stores a stream. */
  put(content: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<StoredObject>;

  /** Stores a finished file, which is gone from its place afterwards. */
  takeFile(path: string): Promise<StoredObject>;

  /** Null when there is no such object. */
  stat(sha256: string): Promise<StoredObject | null>;

  /** @throws UnderstudyError NOT_FOUND, INVALID_REQUEST for a range that reaches beyond the object */
  open(sha256: string, range?: ByteRange): Promise<Readable>;

  /**
   * Gives work these objects as files in the clear, for programs that seek; to be read, never written, moved or kept. Who asks
   * for the same object at the same time reads the same file, and it is gone a moment after the last of them.
   *
   * @param signal takes the files away at once, from this work alone
   * @throws UnderstudyError NOT_FOUND
   */
  withFiles<T>(
    sha256s: readonly string[],
    work: (paths: readonly string[]) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;

  /** With every copy of it in the clear that this process has. @returns whether it was there */
  delete(sha256: string): Promise<boolean>;

  /**
   * Appends to an upload at exactly `offset`. What arrived before the stream broke stays and is counted by
   * `uploadOffset`.
   *
   * @param maxBytes most bytes the whole upload may have
   * @returns the new offset
   * @throws UnderstudyError CONFLICT when `offset` is not the upload's, or while another append runs; PAYLOAD_TOO_LARGE
   */
  appendUpload(uploadId: string, offset: number, content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number>;

  /**
   * Turns a complete upload into an object. Doing it again, after an answer that was lost, changes nothing.
   *
   * @throws UnderstudyError UPLOAD_MISMATCH when its length or hash is not the announced one; the upload is gone then
   */
  finishUpload(uploadId: string, announced: StoredObject): Promise<StoredObject>;
}
