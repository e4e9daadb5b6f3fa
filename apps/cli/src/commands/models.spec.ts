import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildModel, encodeModel, floatTensor, node, valueInfo } from '@understudy/inference';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createProgram } from '../program.js';
import { addModel, listModels, requireSound, verifyModels } from './models.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'understudy-models-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function restorerFile(gain: number): Promise<string> {
  const path = join(home, `restorer-${gain}.onnx`);
  const shape = [1, 3, 512, 512];
  const model = buildModel({
    nodes: [node('Mul', ['input', 'gain'], ['output'])],
    inputs: [valueInfo('input', 'float32', shape)],
    outputs: [valueInfo('output', 'float32', shape)],
    initializers: [floatTensor('gain', [1], [gain])],
  });
  await writeFile(path, encodeModel(model));
  return path;
}

test('without files the list is the catalogue: licences, and nothing here', async () => {
  const listed = await listModels(home);
  expect(listed.every((one) => one.state === 'absent')).toBe(true);
  const found = (id: string) => listed.find((one) => one.id === id);
  expect(found('gfpgan_1.4')).toMatchObject({
    version: null,
    roles: ['restorer'],
    commercialUse: true,
    licence: 'Apache-2.0',
  });
  expect(found('inswapper_128')).toMatchObject({
    roles: ['swapper'],
    family: 'embedding-swapper',
    commercialUse: false,
  });
  expect(found('faceplugin-0.0.1')).toMatchObject({ licence: 'MIT', commercialUse: true });
});

test('an added pack is listed and verified; changed, it is named with its fault', async () => {
  await addModel(home, await restorerFile(2), { as: 'gfpgan_1.4', packVersion: '1' });
  const second = await addModel(home, await restorerFile(3), { as: 'gfpgan_1.4', packVersion: '2' });
  const stored = (await listModels(home)).filter((one) => one.state === 'stored');
  expect(stored.map((one) => [one.id, one.version])).toEqual([
    ['gfpgan_1.4', '1'],
    ['gfpgan_1.4', '2'],
  ]);
  const sound = await verifyModels(home);
  expect(sound.map((one) => one.fault)).toEqual([null, null]);
  requireSound(sound);

  const path = join(second.folder, 'restorer-3.onnx');
  const bytes = await readFile(path);
  await rm(path);
  await writeFile(path, Buffer.concat([bytes, Buffer.from([0])]));
  await writeFile(join(home, 'packs', 'gfpgan_1.4', '1', 'manifest.json'), '{');
  const verified = await verifyModels(home);
  expect(verified.map((one) => one.fault?.code)).toEqual(['PACK_MANIFEST_INVALID', 'MODEL_HASH_MISMATCH']);
  expect(() => requireSound(verified)).toThrow(/2 of 2 packs are not sound \(gfpgan_1.4 1, gfpgan_1.4 2\)/);
  expect((await listModels(home)).find((one) => one.version === '1')?.state).toBe('unsound');
});

test('another licence replaces the one of the row, and is not commercial unless said so', async () => {
  const path = await restorerFile(2);
  const own = await addModel(home, path, {
    as: 'gpen_bfr_512',
    id: 'ours',
    licence: 'bought, contract 12',
    commercial: true,
  });
  expect(own.manifest).toMatchObject({ id: 'ours', licence: 'bought, contract 12', commercialUse: true });
  const other = await addModel(home, path, { as: 'gfpgan_1.4', id: 'theirs', licence: 'unclear' });
  expect(other.manifest.commercialUse).toBe(false);
  await expect(addModel(home, path, { as: 'gpen_bfr_512', commercial: true })).rejects.toMatchObject({ code: 'USAGE' });
});

test('a wrong row, an unknown one, and what is no predictor are refused', async () => {
  const path = await restorerFile(2);
  await expect(addModel(home, path, { as: 'inswapper_128' })).rejects.toMatchObject({ code: 'PACK_CONTRACT_MISMATCH' });
  await expect(addModel(home, path, { as: 'nothing' })).rejects.toMatchObject({ code: 'USAGE' });
  await expect(addModel(home, path, { as: 'dlib_68' })).rejects.toMatchObject({ code: 'PACK_UNREADABLE' });
  expect((await listModels(home)).some((one) => one.state !== 'absent')).toBe(false);
});

test('the commands are wired', async () => {
  const models = (await createProgram('models')).commands.find((command) => command.name() === 'models');
  expect(models?.commands.map((command) => command.name())).toEqual([
    ...['list', 'pull', 'add', 'verify'],
    ...['farm', 'register', 'approve', 'default'],
  ]);
});
