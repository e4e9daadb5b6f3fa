import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { UnderstudyError } from '@understudy/contracts';

const FILE = 'worker-key.pem';

/** What this host proves itself by: an Ed25519 key, made at the first start, that never leaves its data folder. */
export class WorkerKey {
  readonly #privateKey: KeyObject;
  /** Raw, base64url. */
  readonly publicKey: string;
  /** SHA-256 of the raw key, hex: what whoever approves it compares. */
  readonly fingerprint: string;

  private constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    this.publicKey = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '';
    this.fingerprint = createHash('sha256').update(Buffer.from(this.publicKey, 'base64url')).digest('hex');
  }

  /** @throws UnderstudyError USAGE for a file that holds no such key */
  static async open(folder: string): Promise<WorkerKey> {
    const path = join(folder, FILE);
    const kept = (await read(path)) ?? (await make(folder, path));
    try {
      const key = createPrivateKey(kept);
      if (key.asymmetricKeyType === 'ed25519') return new WorkerKey(key);
    } catch {
      // Told below.
    }
    throw new UnderstudyError('USAGE', `${path} holds no Ed25519 key; put it back, or delete it for a new one.`);
  }

  /** @returns base64url */
  sign(message: string): string {
    return sign(null, Buffer.from(message), this.#privateKey).toString('base64url');
  }
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}

/** Whole or not at all, and never over another worker's that began at the same moment: then theirs is this host's. */
async function make(folder: string, path: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const made = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, made, { mode: 0o600 });
  try {
    await link(draft, path);
    return made;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return await readFile(path, 'utf8');
    throw thrown;
  } finally {
    await rm(draft, { force: true });
  }
}
