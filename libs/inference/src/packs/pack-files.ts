import { createHash } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { FilePart, ModelManifestDocument } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';

/** Bytes of one file: what a graph's own format can hold. */
export const MAX_FILE_BYTES = 2 ** 31 - 1;
export const MAX_PACK_BYTES = 6 * 2 ** 30;

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/**
 * Reads a whole file of at most {@link MAX_FILE_BYTES}; links are not followed.
 *
 * @throws UnderstudyError MODEL_UNAVAILABLE, PACK_TOO_LARGE
 */
export async function readBounded(path: string, maxBytes = MAX_FILE_BYTES): Promise<Uint8Array> {
  let stats;
  try {
    stats = await lstat(path);
  } catch (cause) {
    throw new UnderstudyError('MODEL_UNAVAILABLE', `${path} can't be read: check that it is there.`, {
      cause,
      details: { file: path },
    });
  }
  if (!stats.isFile()) {
    throw new UnderstudyError('MODEL_UNAVAILABLE', `${path} is no plain file: put the file itself there.`, {
      details: { file: path },
    });
  }
  if (stats.size > maxBytes) {
    throw new UnderstudyError('PACK_TOO_LARGE', `${path} has ${stats.size} bytes, more than ${maxBytes}.`, {
      details: { file: path, bytes: stats.size, bound: maxBytes },
    });
  }
  return readFile(path);
}

/**
 * A pack's files by name, each with the hash and length of the manifest.
 *
 * @throws UnderstudyError MODEL_HASH_MISMATCH, MODEL_UNAVAILABLE, PACK_TOO_LARGE
 */
export async function readPackFiles(folder: string, manifest: ModelManifestDocument): Promise<Map<string, Uint8Array>> {
  const total = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  if (total > MAX_PACK_BYTES) {
    throw new UnderstudyError('PACK_TOO_LARGE', `${manifest.id} has ${total} bytes, more than ${MAX_PACK_BYTES}.`);
  }
  const files = new Map<string, Uint8Array>();
  for (const { name, sha256, bytes } of manifest.files) {
    const path = join(folder, name);
    const content = await readBounded(path);
    const actual = sha256Of(content);
    if (content.length !== bytes || actual !== sha256) {
      throw new UnderstudyError(
        'MODEL_HASH_MISMATCH',
        `${path} is not the file its manifest names: remove this version of the pack and add it again.`,
        { details: { file: path, expected: sha256, actual } },
      );
    }
    files.set(name, content);
  }
  return files;
}

/** The bytes of the one file that is this part of a pack. */
export function partOf(
  manifest: ModelManifestDocument,
  files: ReadonlyMap<string, Uint8Array>,
  part: FilePart,
): Uint8Array {
  const named = manifest.files.find((file) => file.part === part);
  const bytes = named === undefined ? undefined : files.get(named.name);
  if (bytes === undefined) {
    throw new UnderstudyError('MODEL_UNAVAILABLE', `${manifest.id} ${manifest.version} has no ${part} file.`);
  }
  return bytes;
}
