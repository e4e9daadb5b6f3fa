import { createWriteStream, type WriteStream } from 'node:fs';

/** Enough to hold what a process says about why it ends, with its stack. */
const KEPT_LINES = 200;
/** How long a file that could not be written is left alone. */
const RETRY_MS = 5_000;

/**
 * What a process of the farm says, line by line, appended to its file.
 *
 * The farm outlives its log: when the file cannot be written (a full disk), lines are dropped and counted, and the file
 * is tried again later. The last lines are kept in memory, because a disk that is full is a reason for ending too.
 */
export class ServiceLog {
  readonly #path: string;
  readonly #now: () => number;
  readonly #last: string[] = [];
  #file: WriteStream | null = null;
  #closed = false;
  #lost = 0;
  #retryAt = 0;

  constructor(path: string, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  /** Newest last, at most 200. */
  get last(): readonly string[] {
    return this.#last;
  }

  write(line: string): void {
    this.#last.push(line);
    if (this.#last.length > KEPT_LINES) this.#last.shift();
    if (this.#closed) return;
    const file = this.#file ?? this.#open();
    if (file === null) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) {
      file.write(`${this.#lost} lines could not be written here\n`);
      this.#lost = 0;
    }
    file.write(`${line}\n`);
  }

  end(): void {
    this.#closed = true;
    this.#file?.end();
  }

  #open(): WriteStream | null {
    if (this.#now() < this.#retryAt) return null;
    const file = createWriteStream(this.#path, { flags: 'a' });
    file.on('error', () => {
      if (this.#file !== file) return;
      this.#file = null;
      this.#lost += 1;
      this.#retryAt = this.#now() + RETRY_MS;
    });
    this.#file = file;
    return file;
  }
}
