import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { catalogueRow } from '../catalogue/catalogue.js';
import { buildModel, encodeModel, floatTensor, int64Tensor, node, valueInfo } from '../onnx/model-proto.js';
import { canaryDifference, canaryFeeds } from './canary.js';
import { packDigest } from './pack-digest.js';
import { addPack, type StoredPack } from './pack-store.js';
import { selfTestPacks } from './self-test.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'understudy-self-test-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Twice the picture plus a bias. */
async function addRestorer(id: string, bias = 0.25, operator = 'Add'): Promise<StoredPack> {
  const picture = ['batch', 3, 512, 512] as const;
  const model = buildModel({
    nodes: [node('Add', ['input', 'input'], ['twice']), node(operator, ['twice', 'bias'], ['output'])],
    inputs: [valueInfo('input', 'float32', picture)],
    outputs: [valueInfo('output', 'float32', picture)],
    initializers: [floatTensor('bias', [1], [bias])],
  });
  const path = join(dir, `${id}.onnx`);
  await writeFile(path, encodeModel(model));
  return addPack(dir, path, catalogueRow('gfpgan_1.4'), { id, version: '1' });
}

/** A SimSwap that adds the identity's mean to the picture, with a converter that scales the identity. */
async function addSwapper(id: string, factor: number, operator = 'Mul'): Promise<StoredPack> {
  const [identity, picture] = [
    ['batch', 512],
    ['batch', 3, 256, 256],
  ] as const;
  const model = buildModel({
    nodes: [
      node('ReduceMean', ['source'], ['mean'], { axes: [1], keepdims: 1 }),
      node('Reshape', ['mean', 'one'], ['scalar']),
      node('Add', ['target', 'scalar'], ['output']),
    ],
    inputs: [valueInfo('source', 'float32', identity), valueInfo('target', 'float32', picture)],
    outputs: [valueInfo('output', 'float32', picture)],
    initializers: [int64Tensor('one', [1])],
  });
  const converter = buildModel({
    nodes: [node(operator, ['input', 'factor'], ['output'])],
    inputs: [valueInfo('input', 'float32', identity)],
    outputs: [valueInfo('output', 'float32', identity)],
    initializers: [floatTensor('factor', [1], [factor])],
  });
  const source = join(dir, `source-${id}`);
  await mkdir(source);
  await writeFile(join(source, 'model.onnx'), encodeModel(model));
  await writeFile(join(source, 'converter.onnx'), encodeModel(converter));
  return addPack(dir, source, catalogueRow('simswap_256'), { id, version: '1' });
}

async function change(pack: StoredPack, edit: (manifest: StoredPack['manifest']) => void): Promise<void> {
  const path = join(pack.folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as StoredPack['manifest'];
  edit(manifest);
  await writeFile(path, JSON.stringify(manifest));
}

test('a pack is kept with numbers that its model really gives, at places of their own', async () => {
  const { manifest } = await addRestorer('sound');
  const [output] = manifest.canary!.outputs;
  expect(output).toMatchObject({ name: 'output', shape: [1, 3, 512, 512] });
  const { data, shape } = canaryFeeds(manifest)['input']!;
  expect(shape).toEqual([1, 3, 512, 512]);
  output!.samples.forEach((sample, index) => {
    const at = Math.floor(((index * 0.6180339887498949) % 1) * data.length);
    expect(sample).toBeCloseTo(2 * data[at]! + 0.25, 5);
  });
  expect(new Set(output!.samples).size).toBeGreaterThan(60);
  expect(output!.peak).toBeCloseTo(2 * 0.95 + 0.25, 3);
});

test('each pack passes or fails for itself, and a failure names no folder', async () => {
  const sound = await addRestorer('sound');
  const other = await addRestorer('other-numbers');
  await change(other, ({ canary }) => {
    canary!.outputs[0]!.samples[7]! += 0.01;
  });
  const unsound = await addRestorer('unsound');
  await writeFile(join(unsound.folder, 'manifest.json'), '{}');
  const results = await selfTestPacks(dir);
  expect(results.map(({ id, passed, code }) => [id, passed, code])).toEqual([
    ['other-numbers', false, 'PACK_SELF_TEST_FAILED'],
    ['sound', true, undefined],
    ['unsound', false, 'PACK_MANIFEST_INVALID'],
  ]);
  expect(results[1]).toMatchObject({ sha256: packDigest(sound.manifest), difference: 0 });
  expect(results.filter(({ message }) => message?.includes(dir))).toEqual([]);
});

test('a converter is run and compared as the model is', async () => {
  const { manifest } = await addSwapper('sound', 3);
  const [converted] = manifest.canary!.converter!;
  expect(converted).toMatchObject({ name: 'output', shape: [1, 512] });
  expect(converted!.peak).toBeCloseTo(3 * 0.08, 4);
  expect(new Set(converted!.samples.map(Math.sign))).toEqual(new Set([-1, 1]));
  const other = await addSwapper('other-converter', 3);
  await change(other, ({ canary }) => {
    canary!.converter![0]!.samples[5]! += 0.01;
  });
  const older = await addSwapper('older', 3);
  await change(older, ({ canary }) => {
    delete canary!.converter;
  });
  const results = await selfTestPacks(dir);
  expect(results.map(({ id, code }) => [id, code])).toEqual([
    ['older', undefined],
    ['other-converter', 'PACK_SELF_TEST_FAILED'],
    ['sound', undefined],
  ]);
  await expect(addSwapper('broken', 0, 'Div')).rejects.toMatchObject({ code: 'PACK_SELF_TEST_FAILED' });
});

test('the time told is that of one run alone, and of nothing where nothing runs', async () => {
  const source = join(dir, 'heavy');
  await mkdir(source);
  const { folder } = await addRestorer('light');
  await writeFile(join(source, 'model.onnx'), await readFile(join(folder, 'light.onnx')));
  // Read and hashed before anything runs.
  await writeFile(join(source, 'LICENSE'), Buffer.alloc(192 * 1024 * 1024));
  await addPack(dir, source, catalogueRow('gfpgan_1.4'), { id: 'heavy', version: '1' });
  const unsound = await addRestorer('unsound');
  await writeFile(join(unsound.folder, 'manifest.json'), '{}');
  const startedAt = performance.now();
  const [heavy, light, none] = await selfTestPacks(dir);
  const took = performance.now() - startedAt;
  expect(light!.milliseconds).toBeGreaterThan(0);
  expect(heavy!.milliseconds).toBeLessThan(took / 3);
  expect(none!.milliseconds).toBeNull();
});

test('what is pinned is the same wherever the canary was recorded, and another for other files', async () => {
  const { manifest } = await addRestorer('sound');
  const elsewhere = structuredClone(manifest);
  elsewhere.canary!.outputs[0]!.samples[0]! += 1e-7;
  expect(packDigest(elsewhere)).toBe(packDigest(manifest));
  const other = structuredClone(manifest);
  other.files[0]!.sha256 = '0'.repeat(64);
  expect(packDigest(other)).not.toBe(packDigest(manifest));
});

test('a model of other bytes is found by its hash, whatever it computes', async () => {
  const pack = await addRestorer('swapped');
  const stranger = await addRestorer('stranger', 0.5);
  await rm(join(pack.folder, 'swapped.onnx'));
  await writeFile(join(pack.folder, 'swapped.onnx'), await readFile(join(stranger.folder, 'stranger.onnx')));
  const [, result] = await selfTestPacks(dir);
  expect(result).toMatchObject({ id: 'swapped', passed: false, code: 'MODEL_HASH_MISMATCH' });
});

test('a model that gives no numbers is refused when it is added', async () => {
  await expect(addRestorer('broken', 0, 'Div')).rejects.toMatchObject({ code: 'PACK_SELF_TEST_FAILED' });
});

test('other names or shapes are no difference in numbers', () => {
  const of = (name: string, shape: number[]) => ({ outputs: [{ name, shape, samples: [1, 2], peak: 4 }] });
  expect(canaryDifference(of('a', [2]), { outputs: [{ name: 'a', shape: [2], samples: [1, 3], peak: 4 }] })).toBe(0.25);
  for (const actual of [of('b', [2]), of('a', [1, 2])]) {
    expect(() => canaryDifference(of('a', [2]), actual)).toThrow(/where its canary has a \[2\]/);
  }
});
