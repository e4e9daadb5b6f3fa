import { join } from 'node:path';

import type { RenderLease } from '@understudy/contracts';
import { plateInfoSchema } from '@understudy/media';

import { type LaneTask, type TaskResult, inputPath } from '../lane/task.js';
import type { LaneTools } from '../lane/tools.js';
import { renderShard } from '../render-shard.js';
import { type Identity, readIdentity } from './identity.js';
import { createProber } from './prober.js';
import { recipeProcessors } from './processors.js';
import { readAnalysis } from './tracks.js';

/** A render task: what the plan has pinned becomes processors, the shard becomes a segment. */
export async function renderTask(tools: LaneTools, task: LaneTask, lease: RenderLease): Promise<TaskResult> {
  const { models, control } = tools;
  const analysis = await readAnalysis(inputPath(task, lease.analysis.sha256));
  const identities = await readIdentities(tools, task, lease);
  const path = join(task.folder, 'segment.mp4');
  const { startFrame, endFrame, cast } = lease;
  const { segment, probes, timingsMs } = await renderShard({
    platePath: inputPath(task, lease.plate.source.sha256),
    plate: plateInfoSchema.parse(lease.plate.info),
    startFrame,
    endFrame,
    processors: recipeProcessors({ lease, analysis, identities }),
    prober: cast.length === 0 ? undefined : createProber({ models, analysis, cast, identities }),
    encoding: lease.encoding,
    segmentPath: path,
    control,
  });
  const { sha256, bytes, frames, frameHashes } = segment;
  const result = { sha256, bytes, frames, frameHashes: [...frameHashes] };
  return { path, report: { result, timingsMs: { ...timingsMs }, probes: [...probes] } };
}

async function readIdentities(tools: LaneTools, task: LaneTask, { cast }: RenderLease): Promise<Map<number, Identity>> {
  const watch = tools.control.watch();
  try {
    const identities = new Map<number, Identity>();
    for (const member of cast) {
      const pathOf = (sha256: string) => inputPath(task, sha256);
      identities.set(member.cast, await readIdentity(tools, member.identityImages, pathOf, watch.signal));
    }
    return identities;
  } finally {
    watch.close();
  }
}
