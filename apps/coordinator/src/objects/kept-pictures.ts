import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { decrypt, encrypt } from '../sealing/aead.js';
import { ProjectKeys } from '../sealing/project-keys.js';

/** What a picture was made of, and what it shows of it: together its name. */
export interface PictureOf {
  readonly projectId: string;
  readonly sha256: string;
  /** Letters, digits, points and dashes. */
  readonly what: string;
}

/** Pictures that were decoded from objects, so that each is once: sealed under their project's key, gone with their object. */
@Injectable()
export class KeptPictures {
  readonly #folder: string;

  constructor(
    @Inject(CONFIG) config: Pick<Config, 'DATA_DIR'>,
    private readonly keys: ProjectKeys,
  ) {
    this.#folder = join(config.DATA_DIR, 'stills');
  }

  async get(of: PictureOf, make: () => Promise<Buffer>): Promise<Buffer> {
    const name = `${of.sha256}-${of.what}.png`;
    const folder = join(this.#folder, of.projectId);
    const kept = await readFile(join(folder, name)).catch(() => null);
    const opened = kept === null ? null : this.#opened(of.projectId, kept, name);
    if (opened !== null) return opened;
    const made = await make();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const partial = join(folder, `${name}.${randomUUID()}`);
    await writeFile(partial, encrypt(this.keys.forSealing(of.projectId), made, `picture ${name}`), { mode: 0o600 });
    await rename(partial, join(folder, name));
    return made;
  }

  /** Removes those that were made of an object. @returns how many */
  async forget(projectId: string, sha256: string): Promise<number> {
    const folder = join(this.#folder, projectId);
    const names = await readdir(folder).catch((thrown: unknown) => {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw thrown;
    });
    const mine = names.filter((name) => name.startsWith(`${sha256}-`));
    for (const name of mine) await rm(join(folder, name), { force: true });
    return mine.length;
  }

  /** Removes all of a project's. */
  async forgetProject(projectId: string): Promise<void> {
    await rm(join(this.#folder, projectId), { recursive: true, force: true });
  }

  /** Removes those that were kept in the clear, before pictures were sealed. */
  async forgetUnsealed(): Promise<void> {
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isFile()) await rm(join(this.#folder, entry.name), { force: true });
  }

  /** @returns null for what does not open: it is made anew */
  #opened(projectId: string, kept: Buffer, name: string): Buffer | null {
    const key = this.keys.forOpening(projectId);
    if (key === null) return null;
    try {
      return decrypt(key, kept, `picture ${name}`);
    } catch {
      return null;
    }
  }
}
