import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { projectKeyDestroyed } from '@understudy/contracts';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';
import { KeyFiles } from './key-files.js';

/**
 * One data key a project, in a file of its own in the data folder, wrapped by a key-encryption key: neither a dump of the
 * database nor a copy of the folder opens anything alone, and destroying the file ends whatever it sealed, in every copy of it.
 */
@Injectable()
export class ProjectKeys {
  readonly #files: KeyFiles;
  readonly #known = new Map<string, Buffer>();

  constructor(@Inject(CONFIG) config: Pick<Config, 'DATA_DIR' | 'SECRET_KEY' | 'KEY_ENCRYPTION_KEYS'>) {
    this.#files = new KeyFiles(join(config.DATA_DIR, 'keys'), config.KEY_ENCRYPTION_KEYS ?? [config.SECRET_KEY]);
  }

  /**
   * The project's key; made where there is none yet.
   *
   * @throws UnderstudyError INTERNAL where the secret is another, PROJECT_KEY_DESTROYED
   */
  forSealing(projectId: string): Buffer {
    this.requireThere(projectId);
    return this.#known.get(projectId) ?? this.#keep(projectId, this.#files.readOrMake(projectId));
  }

  /** @returns null where there is none yet. @throws UnderstudyError as `forSealing` */
  forOpening(projectId: string): Buffer | null {
    this.requireThere(projectId);
    const known = this.#known.get(projectId);
    if (known !== undefined) return known;
    const key = this.#files.read(projectId);
    return key === null ? null : this.#keep(projectId, key);
  }

  /** Looks at the folder each time, so that a key that another coordinator destroyed is used by none. @throws UnderstudyError PROJECT_KEY_DESTROYED */
  requireThere(projectId: string): void {
    if (!this.#files.isDestroyed(projectId)) return;
    this.#forget(projectId);
    throw projectKeyDestroyed();
  }

  /** Ends everything that was sealed under it. @returns its fingerprint; null where there was no key */
  destroy(projectId: string): string | null {
    this.#forget(projectId);
    return this.#files.destroy(projectId);
  }

  /** Whether a destroyed key is not, or not any more: a backup of the folder brought it back. */
  isBack(projectId: string): boolean {
    return this.#files.isBack(projectId);
  }

  /** @returns how many keys were wrapped anew by the first of the key-encryption keys */
  wrapAnew(): number {
    return this.#files.wrapAnew();
  }

  #keep(projectId: string, key: Buffer): Buffer {
    this.#known.set(projectId, key);
    return key;
  }

  #forget(projectId: string): void {
    this.#known.delete(projectId);
  }
}
