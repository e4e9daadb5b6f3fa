import { type AnalysisPacks, canonicalJson } from '@understudy/contracts';
import { type FaceModels, openAnalysisModels } from '@understudy/face';

import type { LaneTools } from '../lane/tools.js';
import { optionalPack } from '../render/pack-inputs.js';

/** Keeps the packs of the plate that a thread looked at last: its next range is most often of the same one. */
export class LastAnalysisModels {
  private kept: { readonly key: string; readonly models: FaceModels } | null = null;

  /** @throws UnderstudyError MODEL_UNAVAILABLE, MODEL_HASH_MISMATCH, what opening a pack says */
  async of(tools: Pick<LaneTools, 'dataDir' | 'session' | 'models'>, packs: AnalysisPacks): Promise<FaceModels> {
    if (packs.detector === undefined && packs.landmarks === undefined) return tools.models;
    const key = canonicalJson(packs);
    if (this.kept?.key === key) return this.kept.models;
    // Dropped before the next ones are opened: two plates' packs are never held at once.
    const { kept } = this;
    this.kept = null;
    await kept?.models.release();
    const stored = {
      ...(await optionalPack(tools, 'detector', packs.detector)),
      ...(await optionalPack(tools, 'landmarks', packs.landmarks)),
    };
    const models = await openAnalysisModels(tools.models, stored, tools.session);
    this.kept = { key, models };
    return models;
  }
}
