import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { AnalysisTable, UnderstudyError } from '@understudy/contracts';

const unzip = promisify(gunzip);

/** Most bytes that an analysis may unpack to: about six hours of one face at 24 frames a second. */
const MOST_BYTES = 1024 ** 3;

export type AnalysedTrack = AnalysisTable['tracks'][number];

/**
 * The analysis that the shot's plan has pinned.
 *
 * @throws UnderstudyError INVALID_REQUEST when the object is no analysis.
 */
export async function readAnalysis(path: string): Promise<AnalysisTable> {
  let value: unknown;
  try {
    value = JSON.parse((await unzip(await readFile(path), { maxOutputLength: MOST_BYTES })).toString('utf8'));
  } catch (cause) {
    throw new UnderstudyError('INVALID_REQUEST', 'The leased analysis can not be read.', { cause });
  }
  const parsed = AnalysisTable.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UnderstudyError('INVALID_REQUEST', 'The leased analysis has an unknown form.', { cause: parsed.error });
}

/** @throws UnderstudyError INVALID_REQUEST when the analysis has no such track. */
export function trackOf(analysis: AnalysisTable, track: number): AnalysedTrack {
  const found = analysis.tracks.find((one) => one.track === track);
  if (found !== undefined) return found;
  throw new UnderstudyError('INVALID_REQUEST', 'The lease names a track that the analysis does not have.', {
    details: { track },
  });
}

/** The face of a track in one frame, if it has one there. */
export function faceAt<Face>(
  { startFrame, faces }: { readonly startFrame: number; readonly faces: readonly Face[] },
  frameNumber: number,
): Face | undefined {
  return faces[frameNumber - startFrame];
}
