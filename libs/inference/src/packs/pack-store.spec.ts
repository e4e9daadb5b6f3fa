import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ModelContract } from '@understudy/contracts';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { CATALOGUE, catalogueRow } from '../catalogue/catalogue.js';
import type { OnnxModel, OnnxTensor } from '../onnx/model-proto.js';
import { buildModel, encodeModel, floatTensor, node, valueInfo } from '../onnx/model-proto.js';
import { checkGraph } from './check-graph.js';
import { openPack } from './open-pack.js';
import { addPack, listPacks, packFolder, readPack, verifyPack } from './pack-store.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'understudy-packs-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Doubles its picture and adds a stored number: the shape of GFPGAN, without its weights. */
function restorer(bias: OnnxTensor = floatTensor('bias', [1], [0.25]), name = 'output', size = 512): OnnxModel {
  return buildModel({
    nodes: [node('Add', ['input', 'input'], ['twice']), node('Add', ['twice', 'bias'], [name])],
    inputs: [valueInfo('input', 'float32', [1, 3, size, size])],
    outputs: [valueInfo(name, 'float32', [1, 3, size, size])],
    initializers: [bias],
  });
}

async function file(name: string, model: OnnxModel): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, encodeModel(model));
  return path;
}

const row = catalogueRow('gfpgan_1.4');
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: { code?: string }) => error.code ?? String(error),
  );

test('every row of the catalogue is a sound contract, with its source, and no row is there twice', () => {
  for (const one of CATALOGUE) expect(ModelContract.parse(one)).toEqual(one);
  expect(new Set(CATALOGUE.map((one) => one.id)).size).toBe(CATALOGUE.length);
  expect(CATALOGUE.length).toBeGreaterThanOrEqual(29);
});

test('a model is checked, copied and run; versions lie side by side', async () => {
  const path = await file('one.onnx', restorer());
  const first = await addPack(dir, path, row, { version: '1' });
  await addPack(dir, await file('two.onnx', restorer(floatTensor('bias', [1], [0.5]))), row, { version: '2' });
  expect(await listPacks(dir)).toEqual([
    { id: 'gfpgan_1.4', version: '1' },
    { id: 'gfpgan_1.4', version: '2' },
  ]);
  expect(first.manifest.outputs).toEqual([
    { name: 'output', type: 'float32', shape: [1, 3, 512, 512], optional: false },
  ]);
  const opened = await openPack(await readPack(dir, 'gfpgan_1.4', '2'));
  const [output] = await opened.model.run({
    input: { data: new Float32Array(3 * 512 * 512).fill(2), shape: [1, 3, 512, 512] },
  });
  expect(output!.data[5]).toBe(4.5);
  await opened.release();
});

test('the same version with other files is a conflict, with the same files it is there already', async () => {
  const path = await file('one.onnx', restorer());
  await addPack(dir, path, row, { version: '1' });
  await addPack(dir, path, row, { version: '1' });
  const other = await file('two.onnx', restorer(floatTensor('bias', [1], [0.5])));
  expect(await refusal(addPack(dir, other, row, { version: '1' }))).toBe('CONFLICT');
  expect((await readdir(join(dir, 'packs'))).toSorted()).toEqual(['gfpgan_1.4']);
});

test('a file that was changed after it was added is refused by every use', async () => {
  const pack = await addPack(dir, await file('one.onnx', restorer()), row, { version: '1' });
  const stored = join(pack.folder, 'one.onnx');
  const bytes = await readFile(stored);
  bytes[bytes.length - 1]! ^= 1;
  await rm(stored);
  await writeFile(stored, bytes);
  expect(await refusal(verifyPack(pack))).toBe('MODEL_HASH_MISMATCH');
  expect(await refusal(openPack(pack))).toBe('MODEL_HASH_MISMATCH');
});

test('a file replaced by a link is refused', async () => {
  const path = await file('one.onnx', restorer());
  const pack = await addPack(dir, path, row, { version: '1' });
  await rm(join(pack.folder, 'one.onnx'));
  await symlink(path, join(pack.folder, 'one.onnx'));
  expect(await refusal(verifyPack(pack))).toBe('MODEL_UNAVAILABLE');
});

test('other names, shapes, types and counts than the row says are refused, and nothing is kept', async () => {
  const model = restorer();
  model.graph!.output!.push(valueInfo('twice', 'float32', [1, 3, 512, 512]));
  const renamed = restorer();
  renamed.graph!.input![0]!.name = 'image';
  renamed.graph!.node![0]!.input = ['image', 'image'];
  const typed = restorer();
  typed.graph!.input![0] = valueInfo('input', 'float16', [1, 3, 512, 512]);
  for (const wrong of [model, renamed, typed, restorer(undefined, 'output', 256)]) {
    expect(await refusal(addPack(dir, await file('wrong.onnx', wrong), row))).toBe('PACK_CONTRACT_MISMATCH');
  }
  expect(await listPacks(dir)).toEqual([]);
});

test('engines, foreign operators and operators hidden in branches are refused', async () => {
  const engine = restorer();
  engine.graph!.node!.push(node('EPContext', ['output'], ['x'], { embed_mode: 1 }, 'com.microsoft'));
  const foreign = restorer();
  foreign.graph!.node!.push(node('PyOp', ['output'], ['x'], {}, 'ai.onnx.contrib'));
  const hidden = restorer();
  const branch = { name: 'then', node: [node('Load', [], ['y'], {}, 'my.domain')], output: [] };
  hidden.graph!.node!.push({
    opType: 'If',
    input: ['c'],
    output: ['y'],
    attribute: [{ name: 'then_branch', type: 5, g: branch }],
  });
  for (const [model, code] of [
    [engine, 'PACK_ENGINE_REFUSED'],
    [foreign, 'PACK_OPERATOR_REFUSED'],
    [hidden, 'PACK_OPERATOR_REFUSED'],
  ] as const) {
    expect(await refusal(addPack(dir, await file('bad.onnx', model), row))).toBe(code);
  }
});

const external = (location: string): OnnxTensor => ({
  name: 'bias',
  dims: [1],
  dataType: 1,
  dataLocation: 1,
  externalData: [
    { key: 'location', value: location },
    { key: 'offset', value: '4' },
    { key: 'length', value: '4' },
  ],
});

test.each(['../secret.data', '/etc/passwd', 'a/../../b.data', 'C:\\x.data', 'other.data', ''])(
  'external data at %j is refused',
  async (location) => {
    const path = await file('bad.onnx', restorer(external(location)));
    expect(await refusal(addPack(dir, path, row))).toBe('PACK_EXTERNAL_DATA_REFUSED');
  },
);

test('external data inside the folder is hashed with it and loaded from the hashed bytes', async () => {
  const folder = join(dir, 'bundle');
  await mkdir(folder);
  await writeFile(join(folder, 'model.onnx'), encodeModel(restorer(external('weights.data'))));
  await writeFile(join(folder, 'weights.data'), Buffer.from(new Float32Array([9, 0.125]).buffer));
  const pack = await addPack(dir, folder, row, { version: '1' });
  expect(pack.manifest.files.map((one) => one.part).toSorted()).toEqual(['external', 'model']);
  const opened = await openPack(pack);
  const [output] = await opened.model.run({
    input: { data: new Float32Array(3 * 512 * 512), shape: [1, 3, 512, 512] },
  });
  expect(output!.data[0]).toBe(0.125);
  await opened.release();
});

test('a graph beyond the bounds is refused', () => {
  const bounds = { maxNodes: 10, maxElements: 100 };
  const many = restorer();
  for (let i = 0; i < 20; i++) many.graph!.node!.push(node('Relu', ['output'], [`r${i}`]));
  expect(() => checkGraph(many, new Set(), bounds)).toThrow(expect.objectContaining({ code: 'PACK_TOO_LARGE' }));
  const large = restorer({ name: 'bias', dims: [1_000_000, 1_000_000], dataType: 1, rawData: new Uint8Array(4) });
  expect(() => checkGraph(large)).toThrow(expect.objectContaining({ code: 'PACK_TOO_LARGE' }));
});

test('what is no model, and a manifest that is none, are named as such', async () => {
  const path = join(dir, 'text.onnx');
  await writeFile(path, 'not a model at all');
  expect(await refusal(addPack(dir, path, row))).toBe('PACK_UNREADABLE');
  const pack = await addPack(dir, await file('one.onnx', restorer()), row, { version: '1' });
  const manifestPath = join(packFolder(dir, 'gfpgan_1.4', '1'), 'manifest.json');
  await writeFile(
    manifestPath,
    JSON.stringify({ ...pack.manifest, files: [{ ...pack.manifest.files[0], name: '../x' }] }),
  );
  expect(await refusal(readPack(dir, 'gfpgan_1.4', '1'))).toBe('PACK_MANIFEST_INVALID');
});

test('inswapper brings its identity map out of the graph; another last tensor is refused', async () => {
  const emap = Float32Array.from({ length: 512 * 512 }, (_, i) => i / 1000);
  const model = (last: OnnxTensor) =>
    buildModel({
      nodes: [node('MatMul', ['source', 'map'], ['unused']), node('Identity', ['target'], ['output'])],
      inputs: [valueInfo('target', 'float32', [1, 3, 128, 128]), valueInfo('source', 'float32', [1, 512])],
      outputs: [valueInfo('output', 'float32', [1, 3, 128, 128])],
      initializers: [floatTensor('first', [2], [1, 2]), last],
    });
  const swapper = catalogueRow('inswapper_128');
  const pack = await addPack(dir, await file('inswapper.onnx', model(floatTensor('map', [512, 512], emap))), swapper);
  const opened = await openPack(pack);
  expect(opened.emap).toEqual(emap);
  await opened.release();
  const wrong = await file('wrong.onnx', model(floatTensor('map', [512, 2], emap.subarray(0, 1024))));
  expect(await refusal(addPack(dir, wrong, swapper))).toBe('PACK_CONTRACT_MISMATCH');
});

test('a converter is asked for where the row names one', async () => {
  const model = buildModel({
    nodes: [node('Identity', ['target'], ['output'])],
    inputs: [valueInfo('source', 'float32', [1, 512]), valueInfo('target', 'float32', [1, 3, 256, 256])],
    outputs: [valueInfo('output', 'float32', [1, 3, 256, 256])],
  });
  const alone = await file('ghost.onnx', model);
  expect(await refusal(addPack(dir, alone, catalogueRow('ghost_1_256')))).toBe('PACK_MANIFEST_INVALID');
});

test('names that are paths, and a manifest that pins no name, are refused', async () => {
  const path = await file('one.onnx', restorer());
  expect(await refusal(addPack(dir, path, row, { version: '../1' }))).toBe('USAGE');
  expect(await refusal(addPack(dir, path, row, { id: '../../x' }))).toBe('USAGE');
  expect(await refusal(readPack(dir, '..', '1'))).toBe('USAGE');
  const { manifest } = await addPack(dir, path, row, { version: '1' });
  const open = { ...manifest, outputs: [{ ...manifest.outputs[0], name: '*' }] };
  await writeFile(join(packFolder(dir, 'gfpgan_1.4', '1'), 'manifest.json'), JSON.stringify(open));
  expect(await refusal(readPack(dir, 'gfpgan_1.4', '1'))).toBe('PACK_MANIFEST_INVALID');
});
