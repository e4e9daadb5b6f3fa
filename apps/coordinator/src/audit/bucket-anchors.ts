import { UnderstudyError } from '@understudy/contracts';
import type { LockedBucket, ObjectVersion } from '@understudy/storage';
import {
  ANCHOR_CHECKPOINTS,
  ANCHOR_LEAVES,
  anchorName,
  parseCheckpoint,
  type SignedCheckpoint,
} from '@understudy/tlog';
import type { Anchored, AnchorStore, Growth } from './anchor-store.js';

const HASH_BYTES = 32;
/** Hashes in one object: two MiB. */
const MOST_LEAVES = 65_536;
/** Behind every name that begins with the text before it, and before the next number. */
const BEHIND = '~';

const unsound = (message: string): UnderstudyError => new UnderstudyError('BUCKET_UNAVAILABLE', message);

/**
 * Anchors in a bucket with object lock, as objects that are never written twice: `checkpoints/SIZE` and `leaves/START-END`, after a
 * restored database in `restored-1/` and so on. Of each name the version that was stored first counts, for that one is locked:
 * whoever may write there, or delete without naming a version, can hide it from a client that asks for the newest, but not from this.
 */
export class BucketAnchors implements AnchorStore {
  readonly everyMs: number;
  #locks = false;
  /** The newest checkpoint read, so that it is not read again. */
  #read: { readonly version: ObjectVersion; readonly head: SignedCheckpoint } | null = null;

  /** @param prefix of all names; ends in a slash, or is empty */
  constructor(
    private readonly bucket: LockedBucket,
    private readonly prefix: string,
    everySeconds: number,
  ) {
    this.everyMs = everySeconds * 1000;
  }

  /** @throws UnderstudyError BUCKET_UNAVAILABLE, also for a bucket without object lock */
  async look(near: number): Promise<Anchored> {
    await this.#requireLock();
    const restores = await this.#restores();
    const newest = await this.#newest(`${this.#folder(restores)}${ANCHOR_CHECKPOINTS}/`, near);
    return { head: newest === null ? null : await this.#head(newest), restores };
  }

  /** @throws UnderstudyError BUCKET_UNAVAILABLE, also where another object has the name already */
  async grow({ head, restores }: Anchored, { size, note, leavesFrom }: Growth): Promise<void> {
    const folder = this.#folder(restores);
    let start = head?.size ?? 0;
    for await (const hashes of inObjects(leavesFrom(start))) {
      const end = start + hashes.length / HASH_BYTES;
      await this.#put(`${folder}${ANCHOR_LEAVES}/${anchorName(start)}-${anchorName(end)}`, hashes);
      start = end;
    }
    await this.#put(`${folder}${ANCHOR_CHECKPOINTS}/${anchorName(size)}`, Buffer.from(note, 'utf8'));
  }

  async beginAnew(restores: number, { size, root }: SignedCheckpoint): Promise<void> {
    const accepted = `${size}\n${Buffer.from(root).toString('base64')}\n`;
    await this.#put(`${this.#folder(restores)}begun`, Buffer.from(accepted, 'utf8'));
  }

  #folder(restores: number): string {
    return `${this.prefix}${restores === 0 ? '' : `restored-${restores}/`}`;
  }

  async #requireLock(): Promise<void> {
    if (this.#locks) return;
    if (!(await this.bucket.hasObjectLock())) {
      throw unsound(
        'The anchor bucket has no object lock, so nothing in it would stay: name one that was made with it.',
      );
    }
    this.#locks = true;
  }

  async #restores(): Promise<number> {
    const folders = await this.bucket.folders(`${this.prefix}restored-`);
    const numbers = folders.map((name) =>
      Number(/^restored-(\d{1,9})\/$/.exec(name.slice(this.prefix.length))?.[1] ?? 0),
    );
    return Math.max(0, ...numbers);
  }

  /** Looks from the log's own size on, and then from further and further before it, until there is something. */
  async #newest(folder: string, near: number): Promise<ObjectVersion | null> {
    for (let back = 0; ; back = Math.max(16, back * 16)) {
      const from = Math.max(0, near - back);
      const after = from === 0 ? undefined : `${folder}${anchorName(from - 1)}${BEHIND}`;
      let newest: ObjectVersion | null = null;
      for await (const version of this.bucket.originals(folder, after)) {
        if (sizeOf(version) !== null) newest = version;
      }
      if (newest !== null || from === 0) return newest;
    }
  }

  async #head(version: ObjectVersion): Promise<SignedCheckpoint> {
    const { key, versionId } = version;
    if (this.#read?.version.key === key && this.#read.version.versionId === versionId) return this.#read.head;
    const head = checkpointOf(await this.bucket.get(version));
    if (head?.size !== sizeOf(version))
      throw unsound('The newest checkpoint in the anchor bucket is none, or not what its name says.');
    this.#read = { version, head };
    return head;
  }

  async #put(key: string, body: Uint8Array): Promise<void> {
    if (await this.bucket.put(key, body)) return;
    // Of an addition that broke off, or of another coordinator's: the same log makes the same bytes.
    for await (const version of this.bucket.originals(key)) {
      if (version.key === key && (await this.bucket.get(version)).equals(body)) return;
    }
    throw unsound('The anchor bucket holds something else where this log would be anchored.');
  }
}

function sizeOf({ key }: ObjectVersion): number | null {
  const [, digits] = /\/(\d{16})$/.exec(key) ?? [];
  return digits === undefined ? null : Number(digits);
}

function checkpointOf(note: Buffer): SignedCheckpoint | null {
  try {
    return parseCheckpoint(note.toString('utf8'));
  } catch {
    return null;
  }
}

/** Chunks of whole hashes, cut to what one object takes. */
async function* inObjects(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    held.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes < MOST_LEAVES * HASH_BYTES) continue;
    yield Buffer.concat(held);
    [held, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(held);
}
