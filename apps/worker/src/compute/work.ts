import type { AnalysisPacks, EnrolLease, PackSelfTest } from '@understudy/contracts';

import type { FacesOfFrames } from '../analyse-range.js';
import type { FramesToTake } from '../frames/pipeline.js';
import type { LaneTask, TaskResult } from '../lane/task.js';
import type { LaneConfig } from '../messages.js';
import type { Identity } from '../render/identity.js';
import type { ShotInputs } from '../render/prepared-shot.js';
import type { RenderedFrames, ShardFrames } from '../render-shard.js';

/** How a computing thread runs its models. */
export type Computing = Pick<LaneConfig, 'dataDir' | 'provider' | 'precision' | 'engines'> & {
  /** Inside one operator of one of its networks. */
  readonly threads: number;
};

/** What a computing thread is asked for, and what it answers. Everything here passes between threads. */
export interface ComputeWork {
  /** Opens the models; first of all. */
  open: { given: { computing: Computing; control: SharedArrayBuffer }; result: { packId: string; recogniser: string } };
  selfTest: { given: Record<never, never>; result: PackSelfTest[] };
  enrol: { given: { task: LaneTask; lease: EnrolLease }; result: TaskResult };
  identity: { given: { task: LaneTask; images: readonly string[] }; result: Identity };
  analyse: { given: { frames: FramesToTake; packs: AnalysisPacks }; result: FacesOfFrames };
  render: { given: { shot: ShotInputs; frames: ShardFrames }; result: RenderedFrames };
  /** Nobody's face stays behind. */
  forget: { given: Record<never, never>; result: void };
}

export type ComputeKind = keyof ComputeWork;

export type ComputeOrder = { [Kind in ComputeKind]: { kind: Kind } & ComputeWork[Kind]['given'] }[ComputeKind];
