import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import type { StoredObject } from './object-store.js';

const CHUNK_BYTES = 1 << 20;

/** Makes a folder's entries survive a power cut. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Moves a synced file to its name so that it is there whole after a crash, or not at all. */
export async function publish(from: string, to: string): Promise<void> {
  const folder = dirname(to);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  await rename(from, to);
  await syncFolder(folder);
  if (made !== undefined) await syncFolder(dirname(folder));
}

/** Writes the whole of `content` from `position` on, in order. @returns the position behind its last byte */
export async function writeAll(
  file: FileHandle,
  position: number,
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onChunk: (chunk: Uint8Array) => void = () => undefined,
): Promise<number> {
  let at = position;
  for await (const chunk of content) {
    if (at + chunk.length > maxBytes) {
      throw new UnderstudyError('PAYLOAD_TOO_LARGE', `More than ${maxBytes} bytes arrived.`, { details: { maxBytes } });
    }
    for (let written = 0; written < chunk.length;) {
      const { bytesWritten } = await file.write(chunk, written, chunk.length - written, at + written);
      written += bytesWritten;
    }
    onChunk(chunk);
    at += chunk.length;
  }
  return at;
}

/** Syncs a file and reads it once through. */
export async function hashFile(path: string): Promise<StoredObject> {
  const file = await open(path, 'r');
  try {
    await file.sync();
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, bytes);
      if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}
