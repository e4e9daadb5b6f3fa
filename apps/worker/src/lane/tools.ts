import type { FaceModels } from '@understudy/face';
import type { ModelPack } from '@understudy/inference';

import type { LaneControl } from './control.js';

/** What every task of a lane works with. */
export interface LaneTools {
  readonly pack: ModelPack;
  readonly models: FaceModels;
  readonly control: LaneControl;
}
