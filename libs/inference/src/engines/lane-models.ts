import { UnderstudyError } from '@understudy/contracts';

import type { ModelPack } from '../manifest.js';
import { readModel } from '../model-pack.js';
import { openSideOf } from '../packs/canary.js';
import { checkPack, isGraph } from '../packs/check-pack.js';
import { modelBytes } from '../packs/open-pack.js';
import { partOf, readPackFiles } from '../packs/pack-files.js';
import { listPacks, readPack } from '../packs/pack-store.js';
import type { EngineModel } from './engine-model.js';

/** A model whose bytes are read when they are wanted: packs are large. */
export interface LaneModel {
  readonly name: string;
  /** Without it no lane works. */
  readonly isDefault: boolean;
  read(): Promise<EngineModel>;
}

/** Every graph that the lanes of a host run: the default pack's, then those of its store that can be read. */
export async function laneModels(dataDir: string, pack: ModelPack): Promise<LaneModel[]> {
  const models: LaneModel[] = pack.manifest.models.map(({ role }) => ({
    name: role,
    isDefault: true,
    read: async () => ({ name: role, bytes: (await readModel(pack, role)).bytes }),
  }));
  for (const { id, version } of await listPacks(dataDir)) models.push(...(await modelsOf(dataDir, id, version)));
  return models;
}

async function modelsOf(dataDir: string, id: string, version: string): Promise<LaneModel[]> {
  let stored;
  try {
    stored = await readPack(dataDir, id, version);
  } catch (thrown) {
    // Its self-test says so.
    if (thrown instanceof UnderstudyError) return [];
    throw thrown;
  }
  const { manifest, folder } = stored;
  if (!isGraph(manifest)) return [];
  const read = async (part: 'model' | 'converter'): Promise<EngineModel> => {
    const files = await readPackFiles(folder, manifest);
    checkPack(manifest, files);
    const name = `${id} ${version}`;
    return part === 'model'
      ? { name, bytes: modelBytes(manifest, files), openSide: openSideOf(manifest) }
      : { name: `${name} converter`, bytes: partOf(manifest, files, 'converter') };
  };
  const parts = manifest.parts.includes('converter') ? (['model', 'converter'] as const) : (['model'] as const);
  return parts.map((part) => ({
    name: part === 'model' ? `${id} ${version}` : `${id} ${version} converter`,
    isDefault: false,
    read: () => read(part),
  }));
}
