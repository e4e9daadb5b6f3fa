import { join } from 'node:path';

import type { RenderLease } from '@understudy/contracts';
import { plateInfoSchema } from '@understudy/media';

import { type LaneTask, type TaskResult, inputPath } from '../lane/task.js';
import type { LaneTools } from '../lane/tools.js';
import { renderShard, type ShardOptions } from '../render-shard.js';
import type { LastPreparedShot } from './prepared-shot.js';

/** A render task: what the plan has pinned becomes processors, the shard becomes a segment. */
export async function renderTask(
  tools: LaneTools,
  shots: LastPreparedShot,
  task: LaneTask,
  lease: RenderLease,
): Promise<TaskResult> {
  const path = join(task.folder, 'segment.mp4');
  const { startFrame, endFrame } = lease;
  try {
    const { processors, prober } = await shots.of(tools, task, lease);
    const { segment, probes, timingsMs } = await renderShard({
      platePath: inputPath(task, lease.plate.source.sha256),
      plate: plateInfoSchema.parse(lease.plate.info),
      matte: matteOf(task, lease),
      startFrame,
      endFrame,
      processors,
      prober,
      encoding: lease.encoding,
      segmentPath: path,
      control: tools.control,
    });
    const { sha256, bytes, frames, frameHashes } = segment;
    const result = { sha256, bytes, frames, frameHashes: [...frameHashes] };
    return { path, report: { result, timingsMs: { ...timingsMs }, probes: [...probes] } };
  } catch (thrown) {
    // Stopped, revoked or broken: nobody's face stays behind.
    await shots.forget();
    throw thrown;
  }
}

function matteOf(task: LaneTask, { matte }: RenderLease): ShardOptions['matte'] {
  if (matte === undefined) return undefined;
  return { path: inputPath(task, matte.source.sha256), info: plateInfoSchema.parse(matte.info) };
}
