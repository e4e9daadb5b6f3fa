import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import type { AnalyseLease, FaceObservation, ObservationTable } from '@understudy/contracts';
import { type FaceAnalyser, faceAnalyser } from '@understudy/face';
import { type PlateInfo, plateInfoSchema } from '@understudy/media';

import { decodedFrames } from './frames/frame-source.js';
import type { LaneControl } from './lane/control.js';
import { type LaneTask, type TaskResult, inputPath } from './lane/task.js';
import type { LaneTools } from './lane/tools.js';
import { Stopwatch } from './render/stopwatch.js';

const compress = promisify(gzip);

export interface AnalyseOptions {
  readonly platePath: string;
  readonly plate: PlateInfo;
  /** Half-open range of frames. */
  readonly startFrame: number;
  readonly endFrame: number;
  readonly analyser: FaceAnalyser;
  readonly control: LaneControl;
}

/**
 * The faces of each frame of `[startFrame, endFrame)`. What is found in a frame depends on that frame alone, so ranges cut
 * anywhere give the same table.
 *
 * @throws Stopped when the lane's control says so
 */
export async function analyseRange(options: AnalyseOptions): Promise<ObservationTable> {
  const { startFrame, endFrame, analyser, control } = options;
  const frames: FaceObservation[][] = [];
  for await (const { frame, frameNumber } of decodedFrames(options)) {
    frames.push(await analyser.analyseFrame(frame, frameNumber));
    control.framesDone += 1;
  }
  return { format: 'understudy-observations/1', startFrame, endFrame, frames };
}

/** An analyse task: its result is the table as gzip of its JSON, the same bytes for the same faces. */
export async function analyseTask(tools: LaneTools, task: LaneTask, lease: AnalyseLease): Promise<TaskResult> {
  const stopwatch = new Stopwatch();
  stopwatch.enter('analyse');
  const { startFrame, endFrame } = lease;
  const table = await analyseRange({
    platePath: inputPath(task, lease.plate.source.sha256),
    plate: plateInfoSchema.parse(lease.plate.info),
    startFrame,
    endFrame,
    analyser: faceAnalyser(tools.models),
    control: tools.control,
  });
  stopwatch.enter('write');
  const bytes = await compress(JSON.stringify(table));
  const path = join(task.folder, 'observations.json.gz');
  await writeFile(path, bytes, { mode: 0o600 });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const result = { sha256, bytes: bytes.byteLength, frames: table.frames.length };
  return { path, report: { result, timingsMs: stopwatch.times() } };
}
