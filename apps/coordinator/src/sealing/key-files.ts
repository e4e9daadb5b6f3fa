import { hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { UnderstudyError, Uuid } from '@understudy/contracts';
import { z } from 'zod';
import { decrypt, encrypt } from './aead.js';

const KEY_BYTES = 32;
const KEY = '.key';
const DESTROYED = '.destroyed';
/** On its way to become a `.key`; what a killed process left of that is taken away after a while. */
const ANEW = '.anew';
const ABANDONED_AFTER_MS = 60_000;

/** What is left of a key that was destroyed. */
const Remains = z.object({ fingerprint: z.string().nullable() });

/** Names a key without telling anything of it: 256 bits made of it in one direction, hex. */
function fingerprintOf(key: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', key, '', 'understudy project key fingerprint/1', KEY_BYTES)).toString('hex');
}

/**
 * The projects' keys as files, each wrapped by a key-encryption key and bound to its project. The first of the key-encryption
 * keys wraps; the others only open what was wrapped before. What was destroyed leaves a file that says so, which outweighs a
 * key that comes back.
 */
export class KeyFiles {
  readonly #folder: string;
  readonly #wrapping: readonly Uint8Array[];

  /** @param secrets hex, the one that wraps first */
  constructor(folder: string, secrets: readonly string[]) {
    this.#folder = folder;
    this.#wrapping = secrets.map(
      (secret) =>
        new Uint8Array(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', 'understudy project keys/1', KEY_BYTES)),
    );
  }

  isDestroyed(projectId: string): boolean {
    return existsSync(this.#path(projectId, DESTROYED));
  }

  /** @returns null where there is none. @throws UnderstudyError INTERNAL for one that none of the secrets opens */
  read(projectId: string): Buffer | null {
    const wrapped = this.#wrapped(projectId);
    if (wrapped === null) return null;
    const opened = this.#opened(projectId, wrapped);
    if (opened !== null) return opened.key;
    throw new UnderstudyError(
      'INTERNAL',
      'A project key does not open: SECRET_KEY and KEY_ENCRYPTION_KEYS are not what it was wrapped under, or its file was changed.',
    );
  }

  /** @returns the project's key, made where there was none */
  readOrMake(projectId: string): Buffer {
    const key = randomBytes(KEY_BYTES);
    try {
      this.#write(this.#path(projectId, KEY), this.#wrap(projectId, key));
      return key;
    } catch (thrown) {
      // It is there, or another replica made it a moment ago.
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
    const made = this.read(projectId);
    if (made === null) throw new UnderstudyError('INTERNAL', 'A project key went away while it was asked for.');
    return made;
  }

  /**
   * Ends a key, in this folder: its file is written over, as far as the medium does that, and taken away. Again, after a crash or
   * where a backup brought it back, it does what is left to do.
   *
   * @returns the key's fingerprint; null where there never was one, or none that opens
   */
  destroy(projectId: string): string | null {
    if (!this.isDestroyed(projectId)) {
      const wrapped = this.#wrapped(projectId);
      const key = wrapped === null ? null : (this.#opened(projectId, wrapped)?.key ?? null);
      const remains = { fingerprint: key === null ? null : fingerprintOf(key) };
      try {
        this.#write(this.#path(projectId, DESTROYED), JSON.stringify(remains));
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
      }
    }
    for (const name of this.#names(ANEW, KEY).filter((one) => one.startsWith(projectId))) this.#shred(name);
    return Remains.parse(JSON.parse(readFileSync(this.#path(projectId, DESTROYED), 'utf8'))).fingerprint;
  }

  /** Whether a key is there although it was destroyed: a backup brought it back. */
  isBack(projectId: string): boolean {
    return !this.isDestroyed(projectId) || existsSync(this.#path(projectId, KEY));
  }

  /**
   * Wraps by the first secret whatever an other one wrapped. The keys stay what they are, and so does all that they sealed.
   * Each file is exchanged whole, so that it can be broken off and done again at any point.
   *
   * @returns how many were wrapped anew. @throws UnderstudyError INTERNAL, after the others, for those that no secret opens
   */
  wrapAnew(): number {
    this.#removeAbandoned();
    let done = 0;
    const unopened: string[] = [];
    for (const projectId of this.#projects()) {
      const wrapped = this.#wrapped(projectId);
      const opened = wrapped === null ? null : this.#opened(projectId, wrapped);
      if (wrapped === null || opened?.by === 0) continue;
      if (opened === null) unopened.push(projectId);
      else {
        this.#exchange(projectId, opened.key);
        done += 1;
      }
    }
    if (unopened.length === 0) return done;
    throw new UnderstudyError(
      'INTERNAL',
      `Keys of ${unopened.length} projects do not open: KEY_ENCRYPTION_KEYS lacks what they are wrapped under.`,
      { details: { projectIds: unopened } },
    );
  }

  #exchange(projectId: string, key: Buffer): void {
    const anew = this.#path(projectId, `.${randomUUID()}${ANEW}`);
    this.#write(anew, this.#wrap(projectId, key));
    renameSync(anew, this.#path(projectId, KEY));
    this.#sync();
    // It must not come back by this.
    if (this.isDestroyed(projectId)) this.destroy(projectId);
  }

  #removeAbandoned(): void {
    for (const name of this.#names(ANEW)) {
      const { mtimeMs } = statSync(join(this.#folder, name), { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
      if (Date.now() - mtimeMs > ABANDONED_AFTER_MS) this.#shred(name);
    }
  }

  #projects(): string[] {
    const names = this.#names(KEY).map((name) => name.slice(0, -KEY.length));
    return names.filter((name) => Uuid.safeParse(name).success);
  }

  #names(...endings: readonly string[]): string[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder).filter((name) => endings.some((ending) => name.endsWith(ending)));
  }

  #shred(name: string): void {
    const path = join(this.#folder, name);
    const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: null };
    if (size === null) return;
    writeFileSync(path, randomBytes(size), { flag: 'r+', flush: true });
    rmSync(path, { force: true });
    this.#sync();
  }

  #path(projectId: string, kind: string): string {
    return join(this.#folder, `${projectId}${kind}`);
  }

  #wrap(projectId: string, key: Uint8Array): Buffer {
    const [first] = this.#wrapping;
    if (first === undefined) throw new Error('no secret wraps');
    return encrypt(first, key, projectId);
  }

  #wrapped(projectId: string): Buffer | null {
    try {
      return readFileSync(this.#path(projectId, KEY));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw thrown;
    }
  }

  /** @returns with which of the secrets; null where none opens it */
  #opened(projectId: string, wrapped: Uint8Array): { key: Buffer; by: number } | null {
    for (const [by, wrapping] of this.#wrapping.entries()) {
      try {
        return { key: decrypt(wrapping, wrapped, projectId), by };
      } catch {
        // Another secret, or nobody's.
      }
    }
    return null;
  }

  #write(path: string, content: string | Uint8Array): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    writeFileSync(path, content, { flag: 'wx', mode: 0o600, flush: true });
    this.#sync();
  }

  /** What came or went stays so after a power cut. */
  #sync(): void {
    const folder = openSync(this.#folder, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
