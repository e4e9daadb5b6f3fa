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

/** Frames of a track that decide on its strength: enough to meet its poses, few enough to decode before each shot. */
const SAMPLES = 5;

/**
 * Frames that stand for a track, evenly over it: where the face was seen before where it was filled in.
 *
 * @param isWhole whether a frame shows the face as well as any
 */
export function sampledFrames(
  { startFrame, faces }: AnalysedTrack,
  isWhole: (frameNumber: number) => boolean = () => true,
): number[] {
  const numbers = faces.map((face, index) => ({ number: startFrame + index, filled: face.filled }));
  const seen = numbers.filter(({ number, filled }) => !filled && isWhole(number));
  const from = seen.length > 0 ? seen : numbers;
  const count = Math.min(SAMPLES, from.length);
  const places = Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * from.length) / count));
  return places.map((place) => from[place]!.number);
}
