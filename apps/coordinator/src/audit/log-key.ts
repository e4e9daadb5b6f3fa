import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { verifierKeyOf } from '@understudy/tlog';
import type { Config } from '../config/config.js';
import { CONFIG } from '../platform/tokens.js';

function readKey(path: string): KeyObject {
  const key = createPrivateKey(readFileSync(path, 'utf8'));
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new UnderstudyError('INVALID_REQUEST', 'AUDIT_KEY_FILE holds no Ed25519 key.');
}

/** Made once; of several replicas that start together one makes it and the others read it. */
function readOrMake(path: string): KeyObject {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ed25519');
  try {
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 });
    return privateKey;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    return readKey(path);
  }
}

/** What signs the log's checkpoints. It lies beside the objects, never in the database. */
@Injectable()
export class LogKey {
  readonly privateKey: KeyObject;
  /** The log's name: unique to its key unless the settings name it. */
  readonly origin: string;
  readonly verifierKey: string;

  constructor(@Inject(CONFIG) config: Config) {
    this.privateKey = readOrMake(config.AUDIT_KEY_FILE ?? join(config.DATA_DIR, 'audit', 'log-key.pem'));
    const spki = createPublicKey(this.privateKey).export({ type: 'spki', format: 'der' });
    const own = createHash('sha256').update(spki).digest('hex').slice(0, 16);
    this.origin = config.AUDIT_ORIGIN ?? `understudy.local/${own}`;
    this.verifierKey = verifierKeyOf(this.origin, this.privateKey);
  }
}
