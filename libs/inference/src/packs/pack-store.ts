import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import type { FilePart, ModelContract, PackFile } from '@understudy/contracts';
import { ModelManifestDocument, UnderstudyError } from '@understudy/contracts';

import { decodeModel } from '../onnx/model-proto.js';
import { recordCanary } from './canary.js';
import { checkPack, isGraph } from './check-pack.js';
import { extractEmap } from './emap.js';
import { openFiles } from './open-pack.js';
import { readBounded, readPackFiles, sha256Of } from './pack-files.js';

const MANIFEST = 'manifest.json';

/** A version of a pack in a folder of its own, its manifest read and sound. Files are verified when they are used. */
export interface StoredPack {
  readonly folder: string;
  readonly manifest: ModelManifestDocument;
}

/**
 * `<data folder>/packs/<id>/<version>`: versions lie side by side.
 *
 * @throws UnderstudyError USAGE for names that can't be those of a pack, such as paths
 */
export function packFolder(dataDir: string, id: string, version: string): string {
  const { id: ids, version: versions } = ModelManifestDocument.shape;
  if (!ids.safeParse(id).success || !versions.safeParse(version).success) {
    throw new UnderstudyError(
      'USAGE',
      `${id} ${version} names no pack: letters, digits, dots, dashes and _ make a name.`,
    );
  }
  return resolve(dataDir, 'packs', id, version);
}

/** @throws UnderstudyError PACK_MANIFEST_INVALID naming the field */
export function parseManifest(text: string, path: string): ModelManifestDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UnderstudyError('PACK_MANIFEST_INVALID', `${path} is no JSON: correct it.`, { cause });
  }
  const parsed = ModelManifestDocument.safeParse(value);
  if (parsed.success) {
    const open = [...parsed.data.inputs, ...parsed.data.outputs].find((one) => one.name === '*' || one.optional);
    if (open === undefined) return parsed.data;
    throw new UnderstudyError(
      'PACK_MANIFEST_INVALID',
      `${path} leaves ${open.name} open: add the pack anew, which pins it.`,
    );
  }
  const [issue] = parsed.error.issues;
  throw new UnderstudyError('PACK_MANIFEST_INVALID', `${path}: ${issue?.path.join('.')}: ${issue?.message}`, {
    details: { issues: parsed.error.issues.map((one) => `${one.path.join('.')}: ${one.message}`) },
  });
}

/** @throws UnderstudyError MODEL_UNAVAILABLE, PACK_MANIFEST_INVALID */
export async function readPack(dataDir: string, id: string, version: string): Promise<StoredPack> {
  const folder = packFolder(dataDir, id, version);
  const path = join(folder, MANIFEST);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UnderstudyError('MODEL_UNAVAILABLE', `there is no pack ${id} ${version}: add it with models add.`, {
      cause,
      details: { pack: id, version },
    });
  }
  const manifest = parseManifest(text, path);
  if (manifest.id !== id || manifest.version !== version) {
    throw new UnderstudyError('PACK_MANIFEST_INVALID', `${path} names ${manifest.id} ${manifest.version}.`);
  }
  return { folder, manifest };
}

/** Ids and versions of every stored pack, sorted. Their manifests may still be unsound. */
export async function listPacks(dataDir: string): Promise<{ id: string; version: string }[]> {
  const root = resolve(dataDir, 'packs');
  const found: { id: string; version: string }[] = [];
  for (const id of await foldersOf(root)) {
    for (const version of await foldersOf(join(root, id))) found.push({ id, version });
  }
  return found;
}

async function foldersOf(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    return names.map((entry) => entry.name).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Hashes every file of a pack again and checks it against its manifest.
 *
 * @throws UnderstudyError whatever is wrong with it
 */
export async function verifyPack(pack: StoredPack): Promise<void> {
  checkPack(pack.manifest, await readPackFiles(pack.folder, pack.manifest));
}

export interface AddPackOptions {
  readonly version?: string;
  /** Instead of the catalogue's, for a file of one's own. */
  readonly licence?: string;
  readonly commercialUse?: boolean;
  readonly id?: string;
}

/**
 * Checks a model file, or a folder of a pack's files, against a row of the catalogue and copies it into the data folder.
 * Nothing appears there before all of it was checked. Without a version the model's hash is one.
 *
 * @throws UnderstudyError what {@link checkPack} says, PACK_SELF_TEST_FAILED where the model does not run, CONFLICT where
 * that version is there with other files
 */
export async function addPack(
  dataDir: string,
  path: string,
  contract: ModelContract,
  options: AddPackOptions = {},
): Promise<StoredPack> {
  const files = await collectFiles(resolve(path), contract);
  const model = files.get('model')!;
  const pinned: PackFile[] = [...files].map(([part, { name, bytes }]) => ({
    name,
    part,
    sha256: sha256Of(bytes),
    bytes: bytes.length,
  }));
  const id = options.id ?? contract.id;
  const version = options.version ?? sha256Of(model.bytes).slice(0, 12);
  packFolder(dataDir, id, version);
  const parsed = ModelManifestDocument.safeParse({
    ...contract,
    id,
    licence: options.licence ?? contract.licence,
    commercialUse: options.commercialUse ?? contract.commercialUse,
    schema: 'understudy/model-pack/1',
    version,
    files: pinned,
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UnderstudyError('PACK_MANIFEST_INVALID', `${path}: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const contents = new Map([...files.values()].map(({ name, bytes }) => [name, bytes]));
  const tensors = checkPack(parsed.data, contents);
  const manifest = { ...parsed.data, ...tensors };
  if (!isGraph(manifest)) return store(dataDir, manifest, [...files.values()]);
  const opened = await openFiles(manifest, contents, tensors);
  try {
    return await store(dataDir, { ...manifest, canary: await recordCanary(opened) }, [...files.values()]);
  } finally {
    await opened.release();
  }
}

interface FoundFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One file is the model; in a folder `converter` is in the converter's name, `.data` holds tensors, the rest is the model. */
async function collectFiles(path: string, contract: ModelContract): Promise<Map<FilePart, FoundFile>> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const names = isFolder ? await readdir(path) : [basename(path)];
  const files = new Map<FilePart, FoundFile>();
  for (const name of names.toSorted()) {
    const part = partByName(name, contract);
    if (part === undefined) continue;
    if (files.has(part)) {
      throw new UnderstudyError('PACK_MANIFEST_INVALID', `${path} holds two files that may be its ${part}: keep one.`);
    }
    files.set(part, { name, bytes: await readBounded(isFolder ? join(path, name) : path) });
  }
  const model = files.get('model');
  if (model === undefined) {
    throw new UnderstudyError('PACK_MANIFEST_INVALID', `${path} holds no model file: name the file or its folder.`);
  }
  if (contract.parts.includes('emap')) {
    files.set('emap', { name: 'emap.bin', bytes: extractEmap(decodeModel(model.bytes)) });
  }
  return files;
}

function partByName(name: string, contract: ModelContract): FilePart | undefined {
  if (/^licen[cs]e(\.|$)/i.test(name)) return 'licence';
  if (name.endsWith('.data')) return 'external';
  if (!/\.(onnx|dfm|dat)$/.test(name)) return undefined;
  const isConverter = contract.parts.includes('converter') && /converter|crossface/i.test(name);
  return isConverter ? 'converter' : 'model';
}

async function store(
  dataDir: string,
  manifest: ModelManifestDocument,
  files: readonly FoundFile[],
): Promise<StoredPack> {
  const folder = packFolder(dataDir, manifest.id, manifest.version);
  const scratch = join(dataDir, 'packs', `.add-${randomUUID()}`);
  await mkdir(scratch, { recursive: true });
  try {
    for (const { name, bytes } of files) await writeFile(join(scratch, name), bytes, { mode: 0o444 });
    await writeFile(join(scratch, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    await mkdir(resolve(folder, '..'), { recursive: true });
    await rename(scratch, folder);
  } catch (cause) {
    const present = await readPack(dataDir, manifest.id, manifest.version).catch(() => undefined);
    if (present === undefined) throw cause;
    const same = JSON.stringify(present.manifest.files) === JSON.stringify(manifest.files);
    if (same) return present;
    throw new UnderstudyError('CONFLICT', `${manifest.id} ${manifest.version} is there with other files.`, { cause });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { folder, manifest };
}
