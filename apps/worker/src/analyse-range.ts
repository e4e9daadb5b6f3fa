import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import type { AnalyseLease, AnalysisPacks, FaceObservation } from '@understudy/contracts';
import type { FaceAnalyser } from '@understudy/face';
import { plateInfoSchema } from '@understudy/media';

import { type FramesToTake, startDecoder, takenFrames, together } from './frames/pipeline.js';
import type { LaneControl } from './lane/control.js';
import { type LaneTask, type TaskResult, inputPath } from './lane/task.js';
import { Stopwatch } from './render/stopwatch.js';

const compress = promisify(gzip);

/** By frame number. */
export type FacesOfFrames = ReadonlyMap<number, readonly FaceObservation[]>;

/** Analyses the frames of a range that no other one takes. */
export type FrameAnalyser = (frames: FramesToTake) => Promise<FacesOfFrames>;

/** Who analyses, and the model that reads faces for them. */
export interface AnalysisCrew {
  readonly recogniser: string;
  /** All that the lane may use. */
  readonly threads: number;
  analysers(packs: AnalysisPacks | undefined): readonly FrameAnalyser[];
}

/**
 * An analyse task: its result is the table as gzip of its JSON, the same bytes for the same faces. What is found in a frame
 * depends on that frame alone, so ranges cut anywhere, among any number of threads, give the same table.
 *
 * @throws Stopped when the lane's control says so
 */
export async function analyseTask(
  crew: AnalysisCrew,
  control: LaneControl,
  task: LaneTask,
  lease: AnalyseLease,
): Promise<TaskResult> {
  const stopwatch = new Stopwatch();
  stopwatch.enter('analyse');
  const { startFrame, endFrame } = lease;
  const plate = plateInfoSchema.parse(lease.plate.info);
  const path = inputPath(task, lease.plate.source.sha256);
  const analysers = crew.analysers(lease.packs);
  const decoder = startDecoder({
    path,
    plate,
    startFrame,
    endFrame,
    control,
    threads: crew.threads,
    readers: analysers.length,
  });
  const analysing = analysers.map((analyse) => analyse(decoder.frames));
  const [, ...found] = await together<[void, ...FacesOfFrames[]]>(
    [decoder.frames.ring],
    [decoder.result, ...analysing],
  );
  stopwatch.enter('write');
  const faces = new Map(found.flatMap((frames) => [...frames]));
  const frames = Array.from({ length: endFrame - startFrame }, (_, position) => faces.get(startFrame + position));
  const { recogniser } = crew;
  const table = { format: 'understudy-observations/1', startFrame, endFrame, recogniser, frames };
  const bytes = await compress(JSON.stringify(table));
  const written = join(task.folder, 'observations.json.gz');
  await writeFile(written, bytes, { mode: 0o600 });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const result = { sha256, bytes: bytes.byteLength, frames: frames.length };
  return { path: written, report: { result, timingsMs: stopwatch.times() } };
}

/** One thread's share of a range. @throws Stopped, RingBroken */
export async function analyseFrames(
  frames: FramesToTake,
  analyser: FaceAnalyser,
  control: LaneControl,
): Promise<FacesOfFrames> {
  const found = new Map<number, FaceObservation[]>();
  for await (const { frame, frameNumber } of takenFrames(frames, control)) {
    found.set(frameNumber, await analyser.analyseFrame(frame, frameNumber));
  }
  return found;
}
