import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type ErrorBody, workerSessionMessage } from '@understudy/contracts';
import type { TestCoordinator } from './coordinator.js';

/** A host's key, as a worker makes it. */
export interface HostKey {
  readonly privateKey: KeyObject;
  readonly publicKey: string;
  readonly fingerprint: string;
}

export function newHostKey(): HostKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'jwk' }).x!;
  const fingerprint = createHash('sha256').update(Buffer.from(raw, 'base64url')).digest('hex');
  return { privateKey, publicKey: raw, fingerprint };
}

/** What `openWorkerSession` is asked with. */
export function answerTo(challenge: string, { privateKey, publicKey }: HostKey) {
  const message = Buffer.from(workerSessionMessage(challenge, publicKey));
  return { challenge, publicKey, signature: sign(null, message, privateKey).toString('base64url') };
}

export async function openSession(
  farm: TestCoordinator,
  token: string,
  key: HostKey,
): Promise<{ status: number; token: string; code: string | undefined }> {
  const { body: asked } = await farm.call('challengeWorker', token);
  const { status, body } = await farm.call('openWorkerSession', token, { body: answerTo(asked.challenge, key) });
  return { status, token: body.secret, code: (body as Partial<ErrorBody>).error?.code };
}
