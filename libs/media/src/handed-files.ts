import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdtempSync,
  openSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnderstudyError, type ErrorCode } from '@understudy/contracts';
import { unwritable } from './partial-file.js';

/** After the standard streams and the side channel. */
const FIRST_DESCRIPTOR = 4;
const READABLE_BY_OTHERS = 0o004;
/** As any finished file is: what is private lies in a folder that nobody else may enter. */
const FINISHED_MODE = 0o644;

interface Handed {
  readonly path: string;
  readonly isOutput: boolean;
}

/**
 * The files of one run. They are opened here and inherited, so that the program needs no way to the folders they lie in
 * and learns no name of them.
 */
export class HandedFiles {
  readonly #files: Handed[] = [];

  /** A URL under which the program finds this file, whatever characters its name has. */
  read(path: string): string {
    return this.#add({ path, isOutput: false });
  }

  /** The same for one that it writes, over what is there. */
  write(path: string): string {
    return this.#add({ path, isOutput: true });
  }

  get hasOutput(): boolean {
    return this.#files.some(({ isOutput }) => isOutput);
  }

  /**
   * @param uid the user the program runs as; null where it is our own
   * @throws OUTPUT_UNWRITABLE, DISK_FULL; for an input `failure`
   */
  open(uid: number | null, failure: ErrorCode): OpenFiles {
    const opened = new OpenFiles();
    try {
      for (const file of this.#files) opened.add(file, uid, failure);
      return opened;
    } catch (thrown) {
      opened.close();
      throw thrown;
    }
  }

  #add(file: Handed): string {
    this.#files.push(file);
    return `file:/proc/self/fd/${FIRST_DESCRIPTOR + this.#files.length - 1}`;
  }
}

export class OpenFiles {
  /** In the order of the numbers in the URLs. */
  readonly descriptors: number[] = [];
  readonly #lent: number[] = [];

  add({ path, isOutput }: Handed, uid: number | null, failure: ErrorCode): void {
    try {
      if (isOutput) this.#addOutput(path, uid);
      else this.descriptors.push(openReadable(path, uid));
    } catch (cause) {
      if (isOutput) throw unwritable(cause, path);
      const message = 'a file could not be opened; check that it is there and can be read';
      throw new UnderstudyError(failure, message, { cause, details: { path } });
    }
  }

  #addOutput(path: string, uid: number | null): void {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.descriptors.push(descriptor);
    if (uid === null) return;
    fchownSync(descriptor, uid, uid);
    this.#lent.push(descriptor);
  }

  /** Once the program has ended: what it wrote is ours again. */
  close(): void {
    for (const descriptor of this.#lent.splice(0)) {
      fchownSync(descriptor, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
      fchmodSync(descriptor, FINISHED_MODE);
    }
    for (const descriptor of this.descriptors.splice(0)) closeSync(descriptor);
  }
}

/**
 * A program opens an inherited file anew to seek in it, for which the file must be readable by its user, though not its
 * folder. What is not, such as an operator's own private clip, is copied to a file without a name.
 */
function openReadable(path: string, uid: number | null): number {
  const descriptor = openSync(path, 'r');
  if (uid === null || (fstatSync(descriptor).mode & READABLE_BY_OTHERS) !== 0) return descriptor;
  closeSync(descriptor);
  const folder = mkdtempSync(join(tmpdir(), 'understudy-handed-'));
  try {
    const copy = join(folder, 'media');
    copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    chownSync(copy, uid, uid);
    chmodSync(copy, 0o400);
    return openSync(copy, 'r');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
