import type { RenderLease } from '@understudy/contracts';
import { plateInfoSchema } from '@understudy/media';

import { type LaneTask, inputPath } from '../lane/task.js';
import type { LaneTools } from '../lane/tools.js';
import type { Identities } from './identity.js';
import { createProber } from './prober.js';
import { recipeProcessors, releaseAll } from './processors.js';
import type { FrameProber, FrameProcessor } from './steps.js';
import { readAnalysis } from './tracks.js';

/** What all shards of a shot have in common: the tracks prepared. Costs seconds; no frame's samples depend on when it was made. */
export interface PreparedShot {
  readonly processors: readonly FrameProcessor[];
  readonly prober: FrameProber | undefined;
}

export interface ShotInputs {
  readonly lease: RenderLease;
  readonly task: LaneTask;
  /** Of everything that it is made of. */
  readonly key: string;
  readonly identities: Identities;
}

/** Keeps the shot that a thread worked on last: its next shard is most often of the same one. */
export class LastPreparedShot {
  private kept: { readonly key: string; readonly shot: PreparedShot } | null = null;

  async of(tools: LaneTools, inputs: ShotInputs): Promise<PreparedShot> {
    const { key } = inputs;
    if (this.kept?.key === key) return this.kept.shot;
    // Dropped before the next one is made: two shots are never held at once.
    await this.forget();
    const shot = await prepareShot(tools, inputs);
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

async function prepareShot(tools: LaneTools, { task, lease, identities }: ShotInputs): Promise<PreparedShot> {
  const { models, dataDir, session } = tools;
  const { cast, plate } = lease;
  const watch = tools.control.watch();
  try {
    const analysis = await readAnalysis(inputPath(task, lease.analysis.sha256));
    const packs = {
      dataDir,
      session,
      models,
      platePath: inputPath(task, plate.source.sha256),
      plate: plateInfoSchema.parse(plate.info),
      signal: watch.signal,
    };
    return {
      processors: await recipeProcessors({ lease, analysis, identities }, packs),
      prober: cast.length === 0 ? undefined : createProber({ models, analysis, cast, identities }),
    };
  } finally {
    watch.close();
  }
}
