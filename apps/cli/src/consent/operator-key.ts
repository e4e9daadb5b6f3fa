import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';

const FILE = 'operator-key.pem';

export interface OperatorKey {
  /** Raw 32-byte Ed25519 key, base64. */
  readonly publicKey: string;
  /** Signature over the bytes, base64. */
  sign(bytes: Uint8Array): string;
}

/** The key of whoever operates this installation; made on first use, readable by them alone. */
export async function operatorKey(homeDir: string): Promise<OperatorKey> {
  const path = join(homeDir, FILE);
  const pem = (await readFile(path, 'utf8').catch(() => null)) ?? (await makeKey(homeDir, path));
  const key = parseKey(pem, path);
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  return {
    publicKey: Buffer.from(jwk.x ?? '', 'base64url').toString('base64'),
    sign: (bytes) => sign(null, bytes, key).toString('base64'),
  };
}

async function makeKey(homeDir: string, path: string): Promise<string> {
  await mkdir(homeDir, { recursive: true });
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, pem, { mode: 0o600 });
  // Of two commands at once, the first one's key stays.
  await link(mine, path).catch(() => undefined);
  await rm(mine);
  return readFile(path, 'utf8');
}

function parseKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new UnderstudyError('CONSENT_DOCUMENT_INVALID', `${path} holds no key; put the operator's key back`, {
      cause,
    });
  }
}
