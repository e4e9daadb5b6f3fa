import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCheckpoints, type SignedCheckpoint } from './checkpoint.js';
import { cosignedAt } from './cosignature.js';
import type { VerifierKey } from './note.js';

/**
 * Names of the two files in a folder of anchors; both only grow. In a bucket, and where one was downloaded, they are folders:
 * `checkpoints/SIZE`, each a signed note, and `leaves/START-END`, each the hashes of these leaves.
 */
export const ANCHOR_CHECKPOINTS = 'checkpoints';
export const ANCHOR_LEAVES = 'leaves';

/** A number of leaves as a name, so that names and numbers are in one order. */
export const anchorName = (leaves: number): string => String(leaves).padStart(16, '0');
const CHECKPOINT_NAME = /^\d{16}$/;

/** What somebody kept where the database's owner cannot write. */
export interface Outside {
  /** By size, smallest first; at least one. */
  readonly checkpoints: readonly SignedCheckpoint[];
  /** Leaf hashes in order, where they were kept too: with them the first bad entry is named exactly. */
  leaves(): AsyncGenerator<Uint8Array>;
}

async function* hashesOf(path: string): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 16 })) {
    const bytes: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    let at = 0;
    for (; at + 32 <= bytes.length; at += 32) yield bytes.subarray(at, at + 32);
    rest = bytes.subarray(at);
  }
}

/** Of files named by the leaves they hold. Additions that broke off may overlap; behind a gap nothing has its place. */
async function* hashesInFolder(path: string, names: readonly string[]): AsyncGenerator<Uint8Array> {
  let next = 0;
  for (const name of names.toSorted()) {
    const [, from] = /^(\d{16})-\d{16}$/.exec(name) ?? [];
    if (from === undefined) continue;
    let index = Number(from);
    if (index > next) return;
    for await (const hash of hashesOf(join(path, name))) {
      if (index === next) {
        yield hash;
        next += 1;
      }
      index += 1;
    }
  }
}

/** The names in a folder; null where the path is no folder. */
async function namesIn(path: string): Promise<string[] | null> {
  return readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR' || error.code === 'ENOENT') return null;
    throw error;
  });
}

async function* leavesOf(folder: string): AsyncGenerator<Uint8Array> {
  const path = join(folder, ANCHOR_LEAVES);
  const names = await namesIn(path);
  yield* names === null ? hashesOf(path) : hashesInFolder(path, names);
}

/** @param path a file of checkpoints, or a folder of files with one each */
async function checkpointsAt(path: string): Promise<SignedCheckpoint[]> {
  const names = await namesIn(path);
  if (names === null) return parseCheckpoints(await readFile(path, 'utf8'));
  const notes: SignedCheckpoint[] = [];
  for (const name of names.filter((one) => CHECKPOINT_NAME.test(one))) {
    notes.push(...parseCheckpoints(await readFile(join(path, name), 'utf8')));
  }
  return notes;
}

/** Nobody kept anything. */
export const NOTHING_OUTSIDE: Outside = { checkpoints: [], leaves: () => nothing() };

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}

/** The newest anchors of a folder of them. */
export interface NewestAnchors {
  readonly path: string;
  /** How often anchors began anew there, each time because two people had accepted a restored database. */
  readonly restores: number;
}

/** What was anchored before lies beside, as it was: in the folder itself, then in `restored-1`, `restored-2`, … */
export async function newestAnchors(path: string): Promise<NewestAnchors> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const restores = Math.max(0, ...names.map((name) => Number(/^restored-(\d+)$/.exec(name)?.[1] ?? 0)));
  return { path: restores === 0 ? path : restoredAnchors(path, restores), restores };
}

export const restoredAnchors = (path: string, restores: number): string => join(path, `restored-${restores}`);

/**
 * @param path a file with one checkpoint or several, a folder of anchors, of which the newest count, or the checkpoints alone of
 * anchors that were downloaded from a bucket
 * @throws SyntaxError for what is no checkpoint; the file system's errors
 */
export async function readOutside(path: string): Promise<Outside> {
  const names = await namesIn(path);
  const isAnchors = names !== null && !names.some((name) => CHECKPOINT_NAME.test(name));
  const folder = isAnchors ? (await newestAnchors(path)).path : null;
  const notes = await checkpointsAt(folder === null ? path : join(folder, ANCHOR_CHECKPOINTS));
  if (notes.length === 0) throw new SyntaxError('there is no checkpoint');
  const checkpoints = notes.toSorted((one, other) => one.size - other.size);
  return { checkpoints, leaves: () => (folder === null ? nothing() : leavesOf(folder)) };
}

/**
 * Of what was kept outside, what every one of these witnesses cosigned; the rest counts for nothing.
 *
 * @throws SyntaxError where that is nothing
 */
export function witnessed(outside: Outside, witnesses: readonly VerifierKey[]): Outside {
  const checkpoints = outside.checkpoints.filter((one) => witnesses.every((key) => cosignedAt(one, key) !== null));
  if (checkpoints.length > 0) return { ...outside, checkpoints };
  throw new SyntaxError(`no checkpoint is cosigned by ${witnesses.map(({ name }) => name).join(' and ')}`);
}
