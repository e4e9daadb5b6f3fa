import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { UnderstudyError } from '@understudy/contracts';

import { ownFile } from './own-file.js';

const OWNER_FILE = 'owner.json';

/** The worker's scratch folder: holds frames and faces, so whatever lies there goes when the work does. */
export class Scratch {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Takes the folder for this process and empties it: a worker that was killed could not.
   *
   * @throws UnderstudyError CONFLICT when a living worker owns it, OUTPUT_UNWRITABLE
   */
  static async take(folder: string): Promise<Scratch> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      if (!(await ownFile(join(folder, OWNER_FILE)))) {
        throw new UnderstudyError(
          'CONFLICT',
          'Another worker uses this scratch folder: give each its own SCRATCH_DIR.',
        );
      }
    } catch (cause) {
      if (cause instanceof UnderstudyError) throw cause;
      throw new UnderstudyError('OUTPUT_UNWRITABLE', 'The scratch folder can not be used: check SCRATCH_DIR.', {
        cause,
      });
    }
    const scratch = new Scratch(folder);
    await scratch.#empty();
    return scratch;
  }

  lane(ordinal: number): string {
    return join(this.folder, `lane-${ordinal}`);
  }

  get objects(): string {
    return join(this.folder, 'objects');
  }

  /** What a lane that ended left behind. */
  async wipeLane(ordinal: number): Promise<void> {
    await rm(this.lane(ordinal), { recursive: true, force: true });
  }

  /** Empties the folder and lets go of it. */
  async leave(): Promise<void> {
    await this.#empty();
    await rm(join(this.folder, OWNER_FILE), { force: true });
  }

  async #empty(): Promise<void> {
    for (const name of await readdir(this.folder)) {
      if (name !== OWNER_FILE) await rm(join(this.folder, name), { recursive: true, force: true });
    }
  }
}
