import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM. @returns nonce, tag, ciphertext */
export function encrypt(key: Uint8Array, content: Uint8Array, bound: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(bound));
  const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** @throws Error for another key, another `bound` or a changed byte */
export function decrypt(key: Uint8Array, sealed: Uint8Array, bound: string): Buffer {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(bound))
    .setAuthTag(tag);
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
}

/**
 * One data key a project, in a file of its own in the data folder, wrapped by a key made of `SECRET_KEY`: neither a dump of
 * the database nor a copy of the folder opens anything alone, and destroying the file ends whatever it sealed, in every backup
 * of the database.
 */
@Injectable()
export class ProjectKeys {
  readonly #folder: string;
  readonly #wrappingKey: Uint8Array;
  readonly #known = new Map<string, Buffer>();

  constructor(@Inject(CONFIG) config: Pick<Config, 'DATA_DIR' | 'SECRET_KEY'>) {
    this.#folder = join(config.DATA_DIR, 'keys');
    const secret = Buffer.from(config.SECRET_KEY, 'hex');
    this.#wrappingKey = new Uint8Array(hkdfSync('sha256', secret, '', 'understudy project keys/1', KEY_BYTES));
  }

  /** The project's key; made where there is none yet. @throws UnderstudyError INTERNAL where `SECRET_KEY` is another */
  forSealing(projectId: string): Buffer {
    return this.#known.get(projectId) ?? this.#keep(projectId, this.#readOrMake(projectId));
  }

  /** @returns null once it was destroyed */
  forOpening(projectId: string): Buffer | null {
    const known = this.#known.get(projectId);
    if (known !== undefined) return known;
    const key = this.#read(projectId);
    return key === null ? null : this.#keep(projectId, key);
  }

  /** Ends everything that was sealed under it. */
  destroy(projectId: string): void {
    this.#known.delete(projectId);
    rmSync(this.#path(projectId), { force: true });
  }

  #keep(projectId: string, key: Buffer): Buffer {
    this.#known.set(projectId, key);
    return key;
  }

  #path(projectId: string): string {
    return join(this.#folder, `${projectId}.key`);
  }

  #readOrMake(projectId: string): Buffer {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const key = randomBytes(KEY_BYTES);
    try {
      writeFileSync(this.#path(projectId), encrypt(this.#wrappingKey, key, projectId), { flag: 'wx', mode: 0o600 });
      return key;
    } catch (thrown) {
      // It is there, or another replica made it a moment ago.
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
    const made = this.#read(projectId);
    if (made === null) throw new UnderstudyError('INTERNAL', 'A project key was destroyed while it was asked for.');
    return made;
  }

  #read(projectId: string): Buffer | null {
    let wrapped: Buffer;
    try {
      wrapped = readFileSync(this.#path(projectId));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw thrown;
    }
    try {
      return decrypt(this.#wrappingKey, wrapped, projectId);
    } catch (cause) {
      throw new UnderstudyError(
        'INTERNAL',
        'A project key does not open: SECRET_KEY is not the one it was made under, or its file was changed.',
        { cause },
      );
    }
  }
}
