import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type ObjectRef, UnderstudyError } from '@understudy/contracts';

/** Brings an object's content to a path, whole and verified. */
export type Download = (
  ref: ObjectRef,
  toPath: string,
  signal: AbortSignal,
  onProgress: (receivedBytes: number) => void,
) => Promise<void>;

/** A download that nobody waits for goes on for so long: whoever lost the task may have it again, or the lane beside it. */
const UNHELD_MS = 120_000;

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly ready: Promise<void>;
  readonly abandon: AbortController;
  /** How often each owner holds it. */
  readonly holders: Map<string, number>;
  complete: boolean;
  receivedBytes: number;
  giveUp: NodeJS.Timeout | undefined;
  lastUse: number;
}

/**
 * The host's objects: each is downloaded once, however many lanes need it, and stays until the room is needed. One
 * process owns the cache, so that being asked twice at the same time needs no lock files.
 */
export class ObjectCache {
  readonly #folder: string;
  readonly #mostBytes: number;
  readonly #download: Download;
  readonly #entries = new Map<string, Entry>();
  #uses = 0;

  readonly #unheldMs: number;

  constructor(folder: string, mostBytes: number, download: Download, unheldMs = UNHELD_MS) {
    this.#unheldMs = unheldMs;
    this.#folder = folder;
    this.#mostBytes = mostBytes;
    this.#download = download;
  }

  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, entry) => sum + entry.bytes, 0);
  }

  /**
   * The object's local path; it stays there until the owner releases it.
   *
   * @throws UnderstudyError DISK_FULL when what others hold leaves no room, or what the download failed with.
   */
  async acquire(ref: ObjectRef, owner: string): Promise<string> {
    const entry = this.#entries.get(ref.sha256) ?? this.#begin(ref);
    clearTimeout(entry.giveUp);
    entry.holders.set(owner, (entry.holders.get(owner) ?? 0) + 1);
    entry.lastUse = ++this.#uses;
    await entry.ready;
    return entry.path;
  }

  /** Bytes that have come of what this owner holds or waits for. */
  receivedBy(owner: string): number {
    const held = [...this.#entries.values()].filter(({ holders }) => holders.has(owner));
    return held.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
  }

  /** Gives every download up. */
  close(): void {
    for (const [sha256, entry] of this.#entries) if (!entry.complete) this.#abandon(sha256, entry);
  }

  /** Gives one hold back. A download that nobody waits for any more is given up after a while. */
  release(sha256: string, owner: string): void {
    const entry = this.#entries.get(sha256);
    const holds = entry?.holders.get(owner);
    if (entry === undefined || holds === undefined) return;
    if (holds > 1) entry.holders.set(owner, holds - 1);
    else entry.holders.delete(owner);
    this.#abandonIfUnheld(sha256, entry);
  }

  /** Gives back everything of an owner that is gone. */
  releaseAll(owner: string): void {
    for (const [sha256, entry] of this.#entries) {
      if (entry.holders.delete(owner)) this.#abandonIfUnheld(sha256, entry);
    }
  }

  #abandonIfUnheld(sha256: string, entry: Entry): void {
    if (entry.complete || entry.holders.size > 0) return;
    clearTimeout(entry.giveUp);
    entry.giveUp = setTimeout(() => {
      if (!entry.complete && entry.holders.size === 0) this.#abandon(sha256, entry);
    }, this.#unheldMs);
    entry.giveUp.unref();
  }

  #abandon(sha256: string, entry: Entry): void {
    clearTimeout(entry.giveUp);
    this.#forget(sha256, entry);
    entry.abandon.abort();
  }

  #forget(sha256: string, entry: Entry): void {
    if (this.#entries.get(sha256) === entry) this.#entries.delete(sha256);
  }

  #begin(ref: ObjectRef): Entry {
    const dropped = this.#makeRoom(ref);
    // A name of its own for each time: what is being deleted or given up can't be what is being written.
    const path = join(this.#folder, `${ref.sha256}.${++this.#uses}`);
    const abandon = new AbortController();
    const bring = async () => {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      for (const old of dropped) await rm(old, { force: true });
      abandon.signal.throwIfAborted();
      await this.#download(ref, path, abandon.signal, (bytes) => (entry.receivedBytes = bytes));
      // The folder lets nobody in. Who decodes is another user where it can be, and is handed the open file.
      await chmod(path, 0o644);
      entry.complete = true;
    };
    const ready = Promise.resolve().then(bring);
    const fresh = {
      holders: new Map<string, number>(),
      complete: false,
      lastUse: 0,
      receivedBytes: 0,
      giveUp: undefined,
    };
    const entry: Entry = { path, bytes: ref.bytes, ready, abandon, ...fresh };
    ready.catch(() => this.#forget(ref.sha256, entry));
    this.#entries.set(ref.sha256, entry);
    return entry;
  }

  /** Drops what was unused for longest until the object fits; returns the paths to delete. */
  #makeRoom(ref: ObjectRef): string[] {
    const held = [...this.#entries.values()].filter((entry) => entry.holders.size > 0);
    const heldBytes = held.reduce((sum, entry) => sum + entry.bytes, 0);
    if (heldBytes + ref.bytes > this.#mostBytes) {
      throw new UnderstudyError('DISK_FULL', "The host's object cache has no room: raise CACHE_BYTES.", {
        details: { mostBytes: this.#mostBytes, heldBytes, bytes: ref.bytes },
      });
    }
    const idle = [...this.#entries].filter(([, entry]) => entry.holders.size === 0);
    idle.sort(([, a], [, b]) => a.lastUse - b.lastUse);
    const dropped: string[] = [];
    for (const [sha256, entry] of idle) {
      if (this.bytes + ref.bytes <= this.#mostBytes) break;
      if (entry.complete) this.#entries.delete(sha256);
      else this.#abandon(sha256, entry);
      dropped.push(entry.path);
    }
    return dropped;
  }
}
