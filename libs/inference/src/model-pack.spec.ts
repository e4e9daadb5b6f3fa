import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { UnderstudyError } from '@understudy/contracts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { NpmSource, PackManifest } from './manifest.js';
import { ensurePack, readModel } from './model-pack.js';

const CONTENT = Buffer.from('a small model');
const manifest: PackManifest = {
  id: 'test-pack',
  source: { packageName: 'none', version: '1.0.0', integrity: 'sha512-none', folder: 'package/model' },
  models: [
    {
      role: 'detector',
      file: 'one.onnx',
      sha256: createHash('sha256').update(CONTENT).digest('hex'),
      licence: 'MIT',
      commercialUse: true,
      inputs: [],
      outputs: [],
      colourOrder: 'rgb',
      mean: 0,
      divisor: 1,
    },
  ],
};

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'understudy-pack-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

const source = (content: Buffer) =>
  vi.fn(async (from: NpmSource, files: readonly string[], folder: string) => {
    await mkdir(join(folder, from.folder), { recursive: true });
    for (const file of files) await writeFile(join(folder, from.folder, file), content);
  });

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof UnderstudyError ? error.code : String(error)),
  );

test('a pack is fetched once, then used without its source', async () => {
  const fetchFiles = source(CONTENT);
  const steps: string[] = [];
  const pack = await ensurePack(manifest, dataDir, { fetchFiles, onProgress: (step) => steps.push(step) });
  expect(await readFile(join(pack.folder, 'one.onnx'))).toEqual(CONTENT);
  await ensurePack(manifest, dataDir, { fetchFiles, onProgress: (step) => steps.push(step) });
  expect(fetchFiles).toHaveBeenCalledTimes(1);
  expect(steps).toEqual(['verify', 'fetch', 'ready', 'verify', 'ready']);
  expect(await readdir(join(dataDir, 'models'))).toEqual(['test-pack']);
});

test('callers at the same time share one fetch', async () => {
  const fetchFiles = source(CONTENT);
  const packs = await Promise.all([1, 2, 3].map(() => ensurePack(manifest, dataDir, { fetchFiles })));
  expect(fetchFiles).toHaveBeenCalledTimes(1);
  expect(new Set(packs).size).toBe(1);
});

test('a fetched file with another hash is refused and not kept', async () => {
  expect(await codeOf(ensurePack(manifest, dataDir, { fetchFiles: source(Buffer.from('other')) }))).toBe(
    'MODEL_HASH_MISMATCH',
  );
  expect(await readdir(join(dataDir, 'models'))).toEqual([]);
});

test('a stored file that was changed is refused by name, and never replaced in silence', async () => {
  const fetchFiles = source(CONTENT);
  const pack = await ensurePack(manifest, dataDir, { fetchFiles });
  const path = join(pack.folder, 'one.onnx');
  await writeFile(path, 'tampered');
  const refused = await ensurePack(manifest, dataDir, { fetchFiles }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'MODEL_HASH_MISMATCH', details: { file: path } });
  expect((refused as Error).message).toContain(path);
  expect(await codeOf(readModel(pack, 'detector'))).toBe('MODEL_HASH_MISMATCH');
  expect(fetchFiles).toHaveBeenCalledTimes(1);
});

test('a source that fails leaves nothing behind, and the next call tries again', async () => {
  const fetchFiles = vi.fn().mockRejectedValueOnce(new UnderstudyError('MODEL_UNAVAILABLE', 'offline'));
  expect(await codeOf(ensurePack(manifest, dataDir, { fetchFiles }))).toBe('MODEL_UNAVAILABLE');
  expect(await readdir(join(dataDir, 'models'))).toEqual([]);
  await ensurePack(manifest, dataDir, { fetchFiles: source(CONTENT) });
});

test('a role that the pack has not is an error', async () => {
  const pack = await ensurePack(manifest, dataDir, { fetchFiles: source(CONTENT) });
  expect(await codeOf(readModel(pack, 'identity'))).toBe('MODEL_UNAVAILABLE');
});
