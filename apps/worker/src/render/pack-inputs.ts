import { type AnalysisTable, type PackReference, type RenderLease, UnderstudyError } from '@understudy/contracts';
import type { FaceModels, MaskPacks } from '@understudy/face';
import { packDigest, readPack, type SessionOptions, type StoredPack } from '@understudy/inference';
import type { PlateInfo } from '@understudy/media';

import type { Identities } from './identity.js';

/** What every step of a recipe is made of. */
export interface RecipeInputs {
  readonly lease: Pick<RenderLease, 'recipe' | 'cast' | 'anonymiseTracks'>;
  readonly analysis: AnalysisTable;
  readonly identities: Identities;
}

/** What steps with packs are made of besides. */
export interface PackInputs {
  readonly dataDir: string;
  readonly session: SessionOptions;
  readonly models: FaceModels;
  /** Frames of it are measured before any is rendered. */
  readonly platePath: string;
  readonly plate: PlateInfo;
  readonly signal: AbortSignal;
}

/**
 * The pack that the plan has pinned, from this lane's store. Its files are hashed when it is opened.
 *
 * @throws UnderstudyError MODEL_UNAVAILABLE where the store lacks it, MODEL_HASH_MISMATCH where its manifest is another
 */
export async function pinnedPack(
  { dataDir }: Pick<PackInputs, 'dataDir'>,
  reference: PackReference,
): Promise<StoredPack> {
  const { id, version, sha256 } = reference;
  if (version === undefined || sha256 === undefined) {
    throw new UnderstudyError('INTERNAL', `The plan has pinned no version of ${id}.`);
  }
  const pack = await readPack(dataDir, id, version);
  const actual = packDigest(pack.manifest);
  if (actual === sha256) return pack;
  throw new UnderstudyError(
    'MODEL_HASH_MISMATCH',
    `${id} ${version} has another manifest here than the plan has pinned: add it anew.`,
    { details: { pack: id, version, expected: sha256, actual } },
  );
}

/** The same where a recipe may leave it out. */
export async function optionalPack<Key extends string>(
  inputs: Pick<PackInputs, 'dataDir'>,
  key: Key,
  reference: PackReference | undefined,
): Promise<{ [K in Key]?: StoredPack }> {
  if (reference === undefined) return {};
  return { [key]: await pinnedPack(inputs, reference) } as { [K in Key]?: StoredPack };
}

/** The mask packs of a step that has them. */
export async function maskPacks(
  inputs: PackInputs,
  { occlusion, regions }: { occlusion?: PackReference | undefined; regions?: PackReference | undefined },
): Promise<MaskPacks> {
  return {
    ...(await optionalPack(inputs, 'occlusion', occlusion)),
    ...(await optionalPack(inputs, 'regions', regions)),
  };
}
