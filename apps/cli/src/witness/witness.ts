import { generateKeyPairSync, createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RouteOutput, UnderstudyError } from '@understudy/contracts';
import {
  COSIGNER,
  cosign,
  isSignedBy,
  parseCheckpoint,
  parseCheckpoints,
  parseVerifierKey,
  type SignedCheckpoint,
  verifierKeyOf,
  verifyConsistency,
} from '@understudy/tlog';

/** Cosigned checkpoints one after another, as `audit verify --checkpoint` reads them. */
export const COSIGNED = 'checkpoints';
/** Checkpoints that bear the log's signature and do not go on from what was cosigned: the proof against the farm. */
export const REFUSED = 'refused';
const LOG_KEY = 'log-key';

/** What a witness asks a farm. */
export interface WitnessedLog {
  checkpoint(): Promise<RouteOutput<'getAuditCheckpoint'>>;
  consistency(from: number): Promise<RouteOutput<'getAuditConsistency'>>;
}

/** The key in a file; made where there is none. */
export async function witnessKey(path: string): Promise<KeyObject> {
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 });
    return privateKey;
  }
  const key = createPrivateKey(await readFile(path, 'utf8'));
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new UnderstudyError('USAGE', 'the file of the key holds no Ed25519 key');
}

/**
 * Cosigns a log's checkpoints (C2SP tlog-cosignature) for as long as each goes on from the one before. It keeps its own last
 * size, on its own disk: a log that is cut short, forked or begun anew under the same key is never cosigned, and its signed
 * checkpoint is kept as proof.
 */
export class Witness {
  constructor(
    private readonly log: WitnessedLog,
    private readonly own: {
      readonly folder: string;
      readonly name: string;
      readonly key: KeyObject;
      /** The log's key as it came another way; without it the first one seen is kept. */
      readonly logKey?: string | undefined;
    },
    private readonly now: () => Date,
  ) {}

  /** Its own key, for whoever verifies. */
  get verifierKey(): string {
    return verifierKeyOf(this.own.name, this.own.key, COSIGNER);
  }

  /**
   * Looks at the log once.
   *
   * @returns the size that is cosigned now, and whether that is new
   * @throws UnderstudyError AUDIT_LOG_BROKEN for a log that does not go on from what was cosigned
   */
  async look(): Promise<{ size: number; isNew: boolean }> {
    await mkdir(this.own.folder, { recursive: true, mode: 0o700 });
    const last = await this.#last();
    const { note, verifierKey } = await this.log.checkpoint();
    const checkpoint = await this.#signed(note, verifierKey, last);
    if (last !== undefined && checkpoint.size < last.size) {
      await this.#refuse(note, `has ${checkpoint.size} entries; ${last.size} were cosigned`);
    }
    if (last === undefined || checkpoint.size === last.size) {
      if (last !== undefined && !Buffer.from(checkpoint.root).equals(last.root)) {
        await this.#refuse(note, `has another root at ${last.size} than the one cosigned`);
      }
      if (last !== undefined) return { size: last.size, isNew: false };
      return this.#cosign(note, checkpoint);
    }
    return this.#goOn(last);
  }

  async #goOn(last: SignedCheckpoint): Promise<{ size: number; isNew: boolean }> {
    // The proof is made for a checkpoint of its own, as new or newer.
    const { proof, checkpoint: view } = await this.log.consistency(Math.max(1, last.size));
    const checkpoint = await this.#signed(view.note, view.verifierKey, last);
    const hashes = proof.map((hash) => Buffer.from(hash, 'hex'));
    if (last.size > 0 && !verifyConsistency(last, checkpoint, hashes)) {
      await this.#refuse(view.note, `does not begin with the ${last.size} entries that were cosigned`);
    }
    return this.#cosign(view.note, checkpoint);
  }

  async #cosign(note: string, checkpoint: SignedCheckpoint): Promise<{ size: number; isNew: boolean }> {
    const cosigned = cosign(note, checkpoint.text, this.own.name, this.own.key, this.now());
    const file = await open(join(this.own.folder, COSIGNED), 'a', 0o600);
    try {
      await file.write(cosigned);
      // What it cosigned it must never forget.
      await file.sync();
    } finally {
      await file.close();
    }
    return { size: checkpoint.size, isNew: true };
  }

  async #signed(note: string, verifierKey: string, last: SignedCheckpoint | undefined): Promise<SignedCheckpoint> {
    const key = parseVerifierKey(await this.#logKey(verifierKey));
    const checkpoint = parseCheckpoint(note);
    if (!isSignedBy(checkpoint, key) || (last !== undefined && checkpoint.origin !== last.origin)) {
      throw new UnderstudyError('AUDIT_LOG_BROKEN', 'the checkpoint is of another log, or not signed by the key known');
    }
    return checkpoint;
  }

  async #logKey(seen: string): Promise<string> {
    if (this.own.logKey !== undefined) return this.own.logKey;
    const path = join(this.own.folder, LOG_KEY);
    if (!existsSync(path)) await writeFile(path, `${seen}\n`, { flag: 'wx', mode: 0o600 });
    return (await readFile(path, 'utf8')).trim();
  }

  async #last(): Promise<SignedCheckpoint | undefined> {
    const path = join(this.own.folder, COSIGNED);
    return existsSync(path) ? parseCheckpoints(await readFile(path, 'utf8')).at(-1) : undefined;
  }

  async #refuse(note: string, what: string): Promise<never> {
    await appendFile(join(this.own.folder, REFUSED), note, { mode: 0o600 });
    throw new UnderstudyError(
      'AUDIT_LOG_BROKEN',
      `the log ${what}; it is not cosigned, and its signed checkpoint is kept in ${join(this.own.folder, REFUSED)}`,
    );
  }
}
