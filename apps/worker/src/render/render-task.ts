import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { canonicalJson, type RenderLease } from '@understudy/contracts';
import { plateInfoSchema } from '@understudy/media';

import type { ComputeCrew } from '../compute/crew.js';
import type { LaneControl } from '../lane/control.js';
import { type LaneTask, type TaskResult, inputPath } from '../lane/task.js';
import { renderShard, type ShardOptions } from '../render-shard.js';
import type { KeptIdentities } from './kept-identities.js';
import { Stopwatch } from './stopwatch.js';

/** A render task: what the plan has pinned becomes processors on every thread, the shard becomes a segment. */
export async function renderTask(
  crew: ComputeCrew,
  kept: KeptIdentities,
  control: LaneControl,
  task: LaneTask,
  lease: RenderLease,
): Promise<TaskResult> {
  const path = join(task.folder, 'segment.mp4');
  const { startFrame, endFrame } = lease;
  const key = keyOf(lease);
  const stopwatch = new Stopwatch();
  try {
    stopwatch.enter('identities');
    const identities = await kept.of(lease.cast, (images) => crew.readIdentity(task, images));
    const read = stopwatch.times();
    const { segment, probes, restored, timingsMs } = await renderShard({
      platePath: inputPath(task, lease.plate.source.sha256),
      plate: plateInfoSchema.parse(lease.plate.info),
      matte: matteOf(task, lease),
      startFrame,
      endFrame,
      renderers: crew.renderers({ task, lease, key, identities }),
      encoding: lease.encoding,
      segmentPath: path,
      decoderThreads: crew.threads,
      control,
    });
    const { sha256, bytes, frames, frameHashes } = segment;
    const made = { sha256, bytes, frames, frameHashes: [...frameHashes] };
    const result = restored.length === 0 ? made : { ...made, restored: [...restored] };
    return { path, report: { result, timingsMs: { ...read, ...timingsMs }, probes: [...probes] } };
  } catch (thrown) {
    // Stopped, revoked or broken: nobody's face stays behind.
    kept.forget();
    await crew.forget();
    throw thrown;
  }
}

/** Everything that a prepared shot is made of, by content. */
function keyOf({ analysis, recipe, cast, anonymiseTracks, plate }: RenderLease): string {
  const members = cast.map((member) => ({
    cast: member.cast,
    tracks: [...member.tracks],
    images: member.identityImages.map(({ sha256 }) => sha256),
  }));
  const plateSha256 = plate.source.sha256;
  const parts = { plateSha256, analysis: analysis.sha256, recipe, members, anonymiseTracks: [...anonymiseTracks] };
  return createHash('sha256').update(canonicalJson(parts)).digest('hex');
}

function matteOf(task: LaneTask, { matte }: RenderLease): ShardOptions['matte'] {
  if (matte === undefined) return undefined;
  return { path: inputPath(task, matte.source.sha256), info: plateInfoSchema.parse(matte.info) };
}
