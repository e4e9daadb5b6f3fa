import { createPublicKey, verify } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { WorkerKey } from './worker-key.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'worker-key-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('is made once, for its owner alone, and signs', async () => {
  const key = await WorkerKey.open(join(folder, 'data'));
  const again = await WorkerKey.open(join(folder, 'data'));
  expect(again.publicKey).toBe(key.publicKey);
  expect(again.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  const { mode } = await stat(join(folder, 'data', 'worker-key.pem'));
  expect((mode & 0o777).toString(8)).toBe('600');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.publicKey }, format: 'jwk' });
  expect(verify(null, Buffer.from('said'), publicKey, Buffer.from(key.sign('said'), 'base64url'))).toBe(true);
});

it('is one also where several workers of a host begin at once', async () => {
  const keys = await Promise.all(Array.from({ length: 5 }, () => WorkerKey.open(folder)));
  expect(new Set(keys.map(({ publicKey }) => publicKey)).size).toBe(1);
  expect(await readdir(folder)).toEqual(['worker-key.pem']);
});

it('is not made anew over a file that is damaged', async () => {
  await writeFile(join(folder, 'worker-key.pem'), 'gone');
  await expect(WorkerKey.open(folder)).rejects.toMatchObject({ code: 'USAGE' });
});
