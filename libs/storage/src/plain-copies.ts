import { mkdir, open, rm } from 'node:fs/promises';
import { UnderstudyError } from '@understudy/contracts';
import type { SealedFile } from './sealed-file.js';
import type { ScratchFolder } from './scratch-folder.js';

/** Stages of one shot follow one another at once: an object is not opened anew for each. */
const KEPT_MS = 1_000;

interface Copy {
  readonly path: string;
  readonly made: Promise<void>;
  users: number;
  timer: NodeJS.Timeout | undefined;
  isWithdrawn: boolean;
}

/** Objects in the clear, as files, for as long as somebody reads them and a moment longer. */
export class PlainCopies {
  readonly #copies = new Map<string, Copy>();

  constructor(private readonly scratch: ScratchFolder) {}

  /** @param openSealed what to make it of; its errors are passed on */
  async lease(
    name: string,
    openSealed: () => Promise<SealedFile>,
  ): Promise<{ readonly path: string; readonly release: () => Promise<void> }> {
    const copy = this.#copies.get(name) ?? this.#make(name, openSealed);
    copy.users += 1;
    clearTimeout(copy.timer);
    let isHeld = true;
    const release = async (): Promise<void> => {
      if (!isHeld) return;
      isHeld = false;
      copy.users -= 1;
      if (copy.users > 0) return;
      copy.timer = setTimeout(() => void this.#remove(name, copy), KEPT_MS);
      copy.timer.unref();
    };
    try {
      await copy.made;
      return { path: copy.path, release };
    } catch (thrown) {
      await this.#remove(name, copy);
      throw thrown;
    }
  }

  /** Takes it away, whoever reads it. */
  async withdraw(name: string): Promise<void> {
    const copy = this.#copies.get(name);
    if (copy !== undefined) await this.#remove(name, copy);
  }

  /** Takes it away unless somebody else reads it too. */
  async withdrawFrom(name: string, others: number): Promise<void> {
    const copy = this.#copies.get(name);
    if (copy !== undefined && copy.users <= others) await this.#remove(name, copy);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#copies].map(([name, copy]) => this.#remove(name, copy)));
  }

  #make(name: string, openSealed: () => Promise<SealedFile>): Copy {
    const path = this.scratch.file();
    const copy: Copy = { path, users: 0, timer: undefined, isWithdrawn: false, made: Promise.resolve() };
    const made = (async () => {
      const sealed = await openSealed();
      await mkdir(this.scratch.path, { recursive: true, mode: 0o700 });
      const file = await open(path, 'wx', 0o600);
      try {
        // The folder lets nobody in. Who decodes is another user where it can be, and is handed the open file.
        await file.chmod(0o644);
        for await (const piece of sealed.pieces({ start: 0, end: sealed.bytes })) {
          if (copy.isWithdrawn) break;
          await file.writeFile(piece);
        }
      } finally {
        await Promise.all([file.close(), sealed.close()]);
        if (copy.isWithdrawn) await rm(path, { force: true });
      }
      if (copy.isWithdrawn) throw new UnderstudyError('NOT_FOUND', 'The object went while it was being read.');
    })();
    const kept = Object.assign(copy, { made });
    this.#copies.set(name, kept);
    return kept;
  }

  async #remove(name: string, copy: Copy): Promise<void> {
    copy.isWithdrawn = true;
    clearTimeout(copy.timer);
    if (this.#copies.get(name) === copy) this.#copies.delete(name);
    await rm(copy.path, { force: true });
  }
}
