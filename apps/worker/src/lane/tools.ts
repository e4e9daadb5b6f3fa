import type { FaceModels } from '@understudy/face';
import type { ModelPack, SessionOptions } from '@understudy/inference';

import type { LaneControl } from './control.js';

/** What every task of a lane works with. */
export interface LaneTools {
  readonly pack: ModelPack;
  readonly models: FaceModels;
  /** Holds the pack store. */
  readonly dataDir: string;
  /** How models are run here. */
  readonly session: SessionOptions;
  readonly control: LaneControl;
}
