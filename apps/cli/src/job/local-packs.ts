import type { NodeClient } from '@understudy/client/node';
import { packsOf, packsOfAnalysis, UnderstudyError } from '@understudy/contracts';
import { listPacks, readPack } from '@understudy/inference';
import type { ShotJob } from './shot-job.js';

/**
 * Makes the packs of a shot known to a farm of one command, whose lanes read the same store. Where no version is named
 * there has to be only one.
 *
 * @throws UnderstudyError MODEL_UNAVAILABLE, USAGE
 */
export async function registerLocalPacks(
  client: NodeClient,
  { recipe, analysis = {} }: Pick<ShotJob, 'recipe' | 'analysis'>,
  homeDir: string,
): Promise<void> {
  for (const { reference } of [...packsOf(recipe), ...packsOfAnalysis(analysis)]) {
    const { manifest } = await readPack(
      homeDir,
      reference.id,
      reference.version ?? (await onlyVersion(homeDir, reference.id)),
    );
    await client.call('addModelPack', { body: { manifest } });
  }
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
