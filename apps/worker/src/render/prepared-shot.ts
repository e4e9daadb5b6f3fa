import { createHash } from 'node:crypto';

import { type AnalysisTable, canonicalJson, type RenderLease } from '@understudy/contracts';
import { plateInfoSchema } from '@understudy/media';

import { type LaneTask, inputPath } from '../lane/task.js';
import type { LaneTools } from '../lane/tools.js';
import { type Identity, readIdentity } from './identity.js';
import { createProber } from './prober.js';
import { recipeProcessors, releaseAll } from './processors.js';
import type { FrameProber, FrameProcessor } from './steps.js';
import { readAnalysis } from './tracks.js';

/** What all shards of a shot have in common: the identities read and the tracks prepared. Costs seconds; no frame's samples depend on when it was made. */
export interface PreparedShot {
  readonly analysis: AnalysisTable;
  readonly processors: readonly FrameProcessor[];
  readonly prober: FrameProber | undefined;
}

/** Keeps the shot that the lane worked on last: its next shard is most often of the same one. */
export class LastPreparedShot {
  private kept: { readonly key: string; readonly shot: PreparedShot } | null = null;

  async of(tools: LaneTools, task: LaneTask, lease: RenderLease): Promise<PreparedShot> {
    const key = keyOf(lease);
    if (this.kept?.key === key) return this.kept.shot;
    // Dropped before the next one is made: two shots are never held at once.
    await this.forget();
    const shot = await prepareShot(tools, task, lease);
    this.kept = { key, shot };
    return shot;
  }

  /** Forgets the faces of a shot that may no longer be worked on. */
  async forget(): Promise<void> {
    const { kept } = this;
    this.kept = null;
    if (kept !== null) await releaseAll(kept.shot.processors);
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

async function prepareShot(tools: LaneTools, task: LaneTask, lease: RenderLease): Promise<PreparedShot> {
  const { models, dataDir, session } = tools;
  const { cast, plate } = lease;
  const watch = tools.control.watch();
  try {
    const analysis = await readAnalysis(inputPath(task, lease.analysis.sha256));
    const identities = new Map<number, Identity>();
    for (const member of cast) {
      const pathOf = (sha256: string) => inputPath(task, sha256);
      identities.set(member.cast, await readIdentity(tools, member.identityImages, pathOf, watch.signal));
    }
    const packs = {
      dataDir,
      session,
      models,
      platePath: inputPath(task, plate.source.sha256),
      plate: plateInfoSchema.parse(plate.info),
      signal: watch.signal,
    };
    return {
      analysis,
      processors: await recipeProcessors({ lease, analysis, identities }, packs),
      prober: cast.length === 0 ? undefined : createProber({ models, analysis, cast, identities }),
    };
  } finally {
    watch.close();
  }
}
