import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { NodeClient } from '@understudy/client/node';
import { Recipe, type SubmitShot } from '@understudy/contracts';
import { addPack, catalogueRow, encodeModel } from '@understudy/inference';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { painter } from '../../../../test/e2e/painter.js';
import { registerLocalPacks } from './local-packs.js';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'understudy-local-packs-'));
  for (const id of ['ada', 'ben']) {
    const path = join(home, `${id}.dfm`);
    await writeFile(path, encodeModel(painter()));
    await addPack(home, path, { ...catalogueRow('dfm'), id }, { version: '1' });
  }
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** Cast members who become these performers. */
const castOf = (...performers: string[]): SubmitShot['cast'] =>
  performers.map((identityPerformerId) => ({
    identityPerformerId,
    identityAssetIds: [],
    platePerformerId: `plate of ${identityPerformerId}`,
    plateReferenceAssetIds: [],
  }));

const swap = (overrides?: unknown) =>
  Recipe.parse({ processors: [{ type: 'swap', settings: { swapper: { id: 'ada' } }, overrides }] });

/** What the farm is told: pack by performer. */
async function registered(recipe: Recipe, cast: SubmitShot['cast']): Promise<unknown[]> {
  const told: unknown[] = [];
  const call = async (_: string, { body }: { body: { manifest: { id: string }; performerId?: string } }) => {
    told.push([body.manifest.id, body.performerId]);
  };
  await registerLocalPacks({ call } as unknown as NodeClient, { recipe }, cast, home);
  return told;
}

it("registers a performer's model as that of the member whom it replaces", async () => {
  expect(await registered(swap(), castOf('p1'))).toEqual([['ada', 'p1']]);
  const each = swap([{ cast: [1], settings: { swapper: { id: 'ben' } } }]);
  expect(await registered(each, castOf('p1', 'p2'))).toEqual([
    ['ada', 'p1'],
    ['ben', 'p2'],
  ]);
});

it("refuses one performer's model for two", async () => {
  await expect(registered(swap(), castOf('p1', 'p2'))).rejects.toMatchObject({ code: 'PACK_OF_ANOTHER_PERFORMER' });
  expect(await registered(swap(), castOf('p1', 'p1'))).toEqual([['ada', 'p1']]);
});
