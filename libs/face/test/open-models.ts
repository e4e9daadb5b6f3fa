import { fileURLToPath } from 'node:url';

import { ensureDefaultPack } from '@understudy/inference';

import { type FaceModels, openFaceModels } from '../src/analyse.js';

/** The real models, from the repository's data folder; fetched there once. */
export const DATA_FOLDER = fileURLToPath(new URL('../../../.understudy', import.meta.url));

export async function openTestModels(): Promise<FaceModels> {
  return openFaceModels(await ensureDefaultPack(DATA_FOLDER));
}
