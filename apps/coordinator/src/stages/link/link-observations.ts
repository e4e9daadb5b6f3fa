import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  AnalysisTable,
  canonicalJson,
  type FaceObservation,
  ObservationTable,
  UnderstudyError,
} from '@understudy/contracts';
import { framesBehind, linkTracks, type Track } from '@understudy/face/track';
import { coverageFault } from '@understudy/policy';
import type { AnalysisTrack } from '../analysis.repository.js';
import { readJsonFile } from '../read-json.js';

const zip = promisify(gzip);

/** An observation table of some 120 frames with a crowd in each. */
const MOST_TABLE_BYTES = 256 * 1024 * 1024;

/** Plain data: it goes to another thread. */
export interface LinkJob {
  /** Files of the ranges' observation tables, in order. */
  readonly tables: readonly string[];
  readonly frameCount: number;
  /** Of the upright frames, in samples. */
  readonly width: number;
  readonly height: number;
  /** Where the analysis table goes. */
  readonly output: string;
}

/**
 * Links the faces that lanes found into tracks and writes the analysis table. The same observations give the same bytes.
 *
 * @throws UnderstudyError UPLOAD_MISMATCH for a table that is none, or when the ranges do not cover the plate or were read by different models
 */
export async function linkObservations(job: LinkJob): Promise<AnalysisTrack[]> {
  const { frameCount, width, height } = job;
  const { frames, recogniser } = await readObservations(job);
  const tracks = linkTracks(frames, { frameCount, width, height });
  // The schema lets no template through.
  const table = AnalysisTable.parse({ format: 'understudy-analysis/1', frameCount, width, height, tracks });
  await writeFile(job.output, await zip(Buffer.from(canonicalJson(table), 'utf8'), { level: 6 }), { mode: 0o600 });
  return tracks.map((track) => asRow(track, recogniser, framesBehind(track, tracks)));
}

/** One entry a frame, over all ranges. */
async function readObservations({
  tables,
  frameCount,
}: LinkJob): Promise<{ frames: FaceObservation[][]; recogniser: string }> {
  const frames: FaceObservation[][] = [];
  const recognisers = new Set<string>();
  const ranges: { startFrame: number; endFrame: number }[] = [];
  for (const path of tables) {
    const table = await readJsonFile(path, ObservationTable, { mostBytes: MOST_TABLE_BYTES, gzip: true });
    ranges.push({ startFrame: table.startFrame, endFrame: table.endFrame });
    recognisers.add(table.recogniser);
    for (const observations of table.frames) frames.push(observations);
  }
  const fault = coverageFault(ranges, frameCount);
  if (recognisers.size > 1) {
    const message = 'The ranges were analysed with different recognisers, whose faces cannot be compared.';
    throw new UnderstudyError('UPLOAD_MISMATCH', message, { details: { recognisers: [...recognisers] } });
  }
  if (fault === null) return { frames, recogniser: [...recognisers][0] ?? '' };
  throw new UnderstudyError('UPLOAD_MISMATCH', `The analysed ranges do not cover the plate at frame ${fault}.`, {
    details: { frame: fault },
  });
}

function asRow(
  { track, startFrame, endFrame, faces, embedding, uncertainFrames }: Track,
  recogniser: string,
  behindFrames: readonly number[],
): AnalysisTrack {
  const template = embedding === null ? null : new Uint8Array(Float32Array.from(embedding).buffer);
  return { track, startFrame, endFrame, faces: faces.length, template, recogniser, uncertainFrames, behindFrames };
}
