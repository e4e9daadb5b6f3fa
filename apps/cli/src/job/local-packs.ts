import type { NodeClient } from '@understudy/client/node';
import {
  type PackReference,
  packsOf,
  packsOfAnalysis,
  type Recipe,
  type SubmitShot,
  swapNetworksOf,
  UnderstudyError,
} from '@understudy/contracts';
import { listPacks, readPack } from '@understudy/inference';
import type { ShotJob } from './shot-job.js';

/**
 * Makes the packs of a shot known to a farm of one command, whose lanes read the same store. Where no version is named
 * there has to be only one. A performer's own model is that of the member whom it replaces, as whoever runs it attests.
 *
 * @throws UnderstudyError MODEL_UNAVAILABLE, USAGE; PACK_OF_ANOTHER_PERFORMER where one performer's model would be several's
 */
export async function registerLocalPacks(
  client: NodeClient,
  { recipe, analysis = {} }: Pick<ShotJob, 'recipe' | 'analysis'>,
  cast: SubmitShot['cast'],
  homeDir: string,
): Promise<void> {
  for (const { reference } of [...packsOf(recipe), ...packsOfAnalysis(analysis)]) {
    const version = reference.version ?? (await onlyVersion(homeDir, reference.id));
    const { manifest } = await readPack(homeDir, reference.id, version);
    const owner = manifest.decode.family === 'dfm' ? { performerId: performerOf(recipe, reference, cast) } : {};
    await client.call('addModelPack', { body: { manifest, ...owner } });
  }
}

function performerOf({ processors }: Recipe, { id, version }: PackReference, cast: SubmitShot['cast']): string {
  const swaps = processors.filter((one) => one.type === 'swap');
  const members = cast.filter((_, member) =>
    swaps.some((swap) => {
      const { swapper } = swapNetworksOf(swap, member);
      return swapper.id === id && swapper.version === version;
    }),
  );
  const performers = new Set(members.map(({ identityPerformerId }) => identityPerformerId));
  const [performer, another] = performers;
  if (performer !== undefined && another === undefined) return performer;
  throw new UnderstudyError(
    'PACK_OF_ANOTHER_PERFORMER',
    `${id} is one performer's model, and ${performers.size} are to become it: name each member's own in a --recipe-file`,
  );
}

/** @throws UnderstudyError MODEL_UNAVAILABLE, USAGE naming the versions */
export async function onlyVersion(homeDir: string, id: string): Promise<string> {
  const versions = (await listPacks(homeDir)).filter((pack) => pack.id === id).map(({ version }) => version);
  const [version, another] = versions;
  if (version === undefined) {
    throw new UnderstudyError('MODEL_UNAVAILABLE', `there is no pack ${id}: add it with models add.`);
  }
  if (another === undefined) return version;
  throw new UnderstudyError('USAGE', `there are several versions of ${id}; name one of ${versions.join(', ')}`);
}
