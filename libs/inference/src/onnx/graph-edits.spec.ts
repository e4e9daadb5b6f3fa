import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, expect, test } from 'vitest';

import type { ModelManifest, ModelPack } from '../manifest.js';
import { ensureDefaultPack } from '../model-pack.js';
import { fuseNormalisation } from './fuse-normalisation.js';
import { fromHalf, toHalf } from './half-float.js';
import { convertToHalf } from './half-precision.js';
import {
  buildModel,
  decodeModel,
  encodeModel,
  floatTensor,
  int64Tensor,
  node,
  tensorsOf,
  valueInfo,
} from './model-proto.js';
import { openBatch } from './open-batch.js';

let pack: ModelPack;
beforeAll(async () => {
  pack = await ensureDefaultPack(fileURLToPath(new URL('../../../../.understudy', import.meta.url)));
});
const bytesOfRole = async (model: ModelManifest) => new Uint8Array(await readFile(join(pack.folder, model.file)));

/** A smooth picture with some texture, in the network's own range. */
function picture(model: ModelManifest, seed: number, batch = 1): Float32Array {
  const [, , height = 1, width = 1] = model.inputs[0]!.shape;
  const count = model.inputs[0]!.shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: batch * count }, (_, i) => {
    const x = i % width;
    const y = Math.floor(i / width) % height;
    const which = Math.floor(i / count);
    const sample = 127 + 90 * Math.sin((x + seed + 40 * which) / 17) * Math.cos(y / 23) + 20 * Math.sin(i * 0.7 + seed);
    return (Math.round(sample) - model.mean) / model.divisor;
  });
}

async function run(bytes: Uint8Array, feeds: Record<string, Tensor>): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const results = await session.run(feeds);
  const out = Object.fromEntries(Object.entries(results).map(([name, one]) => [name, one.data as Float32Array]));
  await session.release();
  return out;
}

const worst = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
function cosineOf(a: Float32Array, b: Float32Array): number {
  const dot = (p: Float32Array, q: Float32Array) => p.reduce((sum, value, i) => sum + value * q[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

test('every half is read and written exactly, and numbers between go to the nearer, ties to even', () => {
  const all = Array.from({ length: 0x7c00 }, (_, bits) => bits);
  expect(all.filter((bits) => toHalf(fromHalf(bits)) !== bits)).toEqual([]);
  expect(all.filter((bits) => toHalf(-fromHalf(bits)) !== (bits | 0x8000))).toEqual([]);
  expect([0x3c00, 0x4000, 0x3800, 0x0001, 0x7bff].map(fromHalf)).toEqual([1, 2, 0.5, 2 ** -24, 65_504]);
  expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -16].map(toHalf)).toEqual([0x3c00, 0x3c02, 0x3c01]);
  expect([65_504, 65_519, 65_520, Infinity, -Infinity].map(toHalf)).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00]);
  expect([2 ** -24, 2 ** -25, 1.5 * 2 ** -24, 2 ** -26].map(toHalf)).toEqual([1, 0, 2, 0]);
  expect(fromHalf(toHalf(NaN))).toBeNaN();
});

/** What half precision may change: scores and boxes in 0..1, points in box units, the identity's direction. */
test.each([
  ['detector', 0.01],
  ['landmarks', 0.004],
  ['identity', 0.02],
] as const)('the default %s in half precision agrees with single precision', async (role, bound) => {
  const model = pack.manifest.models.find((one) => one.role === role)!;
  const single = await bytesOfRole(model);
  const half = convertToHalf(single);
  expect(half.length).toBeLessThan(0.56 * single.length);
  const types = [...tensorsOf(decodeModel(half))].map((tensor) => tensor.dataType);
  expect(types.filter((type) => type === 10).length).toBeGreaterThan(20);
  for (const seed of [0, 5, 11]) {
    const feeds = { input: new Tensor('float32', picture(model, seed), model.inputs[0]!.shape) };
    const [a, b] = [await run(single, feeds), await run(half, feeds)];
    for (const { name } of model.outputs) {
      if (role === 'identity') expect(1 - cosineOf(a[name]!, b[name]!)).toBeLessThan(0.001);
      else expect(worst(a[name]!, b[name]!)).toBeLessThan(bound);
      expect(worst(a[name]!, b[name]!)).toBeGreaterThan(0);
    }
  }
});

test('blocked operators, whole numbers, and outputs that others read stay right', async () => {
  const model = buildModel({
    nodes: [
      node('Mul', ['x', 'gain'], ['y']),
      node('Resize', ['y', '', 'scales'], ['z'], { mode: 'nearest' }),
      node('Shape', ['z'], ['sizes']),
      node('Cast', ['sizes'], ['floats'], { to: 1 }),
      node('ReduceSum', ['floats'], ['total'], { keepdims: 0 }),
      node('Add', ['z', 'total'], ['out']),
      node('Relu', ['y'], ['second']),
    ],
    inputs: [valueInfo('x', 'float32', [1, 1, 2, 2])],
    outputs: [
      valueInfo('out', 'float32', [1, 1, 4, 4]),
      valueInfo('y', 'float32', [1, 1, 2, 2]),
      valueInfo('second', 'float32', [1, 1, 2, 2]),
    ],
    initializers: [floatTensor('gain', [1], [1.5]), floatTensor('scales', [4], [1, 1, 2, 2])],
  });
  const single = encodeModel(model);
  const half = convertToHalf(single);
  const feeds = { x: new Tensor('float32', Float32Array.of(1, -2, 3, 0.5), [1, 1, 2, 2]) };
  expect(await run(half, feeds)).toEqual(await run(single, feeds));
  const scales = decodeModel(half).graph.initializer!.find((tensor) => tensor.name === 'scales');
  expect(scales!.dataType).toBe(1);
});

test('an older file lists its stored numbers among the inputs, and may be edited like any', async () => {
  const model = buildModel({
    nodes: [node('Mul', ['x', 'gain'], ['out'])],
    inputs: [valueInfo('x', 'float32', [1, 3, 1, 1]), valueInfo('gain', 'float32', [1])],
    outputs: [valueInfo('out', 'float32', [1, 3, 1, 1])],
    initializers: [floatTensor('gain', [1], [1.5])],
    opset: 9,
  });
  const old = encodeModel({ ...model, irVersion: 3 });
  const feeds = { x: new Tensor('float32', Float32Array.of(1, -2, 4), [1, 3, 1, 1]) };
  expect([...(await run(convertToHalf(old), feeds))['out']!]).toEqual([1.5, -3, 6]);
  const fused = fuseNormalisation(old, 'x', { range: 1, mean: [1, 1, 1], std: [2, 2, 2], layout: 'nchw' });
  const samples = { x: new Tensor('uint8', Uint8Array.of(1, 3, 255), [1, 3, 1, 1]) };
  expect([...(await run(fused, samples))['out']!]).toEqual([0, 1.5, 190.5]);
  const batch = { x: new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3, 1, 1]) };
  expect([...(await run(openBatch(old), batch))['out']!]).toEqual([1.5, 3, 4.5, 6, 7.5, 9]);
});

test('a graph with branches is not converted', () => {
  const body = { name: 'then', node: [node('Identity', ['x'], ['y'])], output: [valueInfo('y', 'float32', [1])] };
  const model = buildModel({
    nodes: [{ opType: 'If', input: ['c'], output: ['out'], attribute: [{ name: 'then_branch', type: 5, g: body }] }],
    inputs: [valueInfo('x', 'float32', [1]), valueInfo('c', 'uint8', [1])],
    outputs: [valueInfo('out', 'float32', [1])],
  });
  expect(() => convertToHalf(encodeModel(model))).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
});

test('with an open batch several faces go through at once, each as it would alone', async () => {
  for (const role of ['landmarks', 'identity'] as const) {
    const model = pack.manifest.models.find((one) => one.role === role)!;
    const opened = openBatch(await bytesOfRole(model));
    const shape = model.inputs[0]!.shape;
    const feeds = { input: new Tensor('float32', picture(model, 3, 3), [3, ...shape.slice(1)]) };
    const together = (await run(opened, feeds))['output']!;
    const width = together.length / 3;
    const length = shape.reduce((product, size) => product * size, 1);
    for (let i = 0; i < 3; i++) {
      const one = { input: new Tensor('float32', picture(model, 3, 3).slice(i * length, (i + 1) * length), shape) };
      const alone = (await run(await bytesOfRole(model), one))['output']!;
      expect(worst(together.slice(i * width, (i + 1) * width), alone)).toBeLessThan(1e-4);
    }
  }
});

test('a shape written down in the graph grows with the batch; a first dimension of two is refused', async () => {
  const model = (first: number) =>
    encodeModel(
      buildModel({
        nodes: [node('Reshape', ['x', 'shape'], ['out'])],
        inputs: [valueInfo('x', 'float32', [first, 2, 2])],
        outputs: [valueInfo('out', 'float32', [first, 4])],
        initializers: [int64Tensor('shape', [first, 4])],
      }),
    );
  const feeds = { x: new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 2, 2]) };
  expect((await run(openBatch(model(1)), feeds))['out']).toHaveLength(8);
  expect(() => openBatch(model(2))).toThrow(expect.objectContaining({ code: 'PACK_CONTRACT_MISMATCH' }));
});

test('with the normalisation in the graph, samples go in as they are', async () => {
  const model = pack.manifest.models.find((one) => one.role === 'identity')!;
  const single = await bytesOfRole(model);
  const { mean, divisor } = model;
  const fused = fuseNormalisation(single, 'input', {
    range: 1,
    mean: [mean, mean, mean],
    std: [divisor, divisor, divisor],
    layout: 'nchw',
  });
  const floats = picture(model, 2);
  const samples = Uint8Array.from(floats, (value) => Math.round(value * divisor + mean));
  const a = await run(single, { input: new Tensor('float32', floats, [1, 3, 112, 112]) });
  const b = await run(fused, { input: new Tensor('uint8', samples, [1, 3, 112, 112]) });
  expect(worst(a['output']!, b['output']!)).toBeLessThan(2e-3);
  expect(1 - cosineOf(a['output']!, b['output']!)).toBeLessThan(1e-6);
});

test('each channel has its own mean and deviation, and may be reversed', async () => {
  for (const layout of ['nchw', 'nhwc'] as const) {
    const shape = layout === 'nchw' ? [1, 3, 1, 2] : [1, 1, 2, 3];
    const plain = encodeModel(
      buildModel({
        nodes: [node('Identity', ['x'], ['out'])],
        inputs: [valueInfo('x', 'float32', shape)],
        outputs: [valueInfo('out', 'float32', shape)],
      }),
    );
    const settings = { range: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], layout };
    const samples = Uint8Array.of(10, 60, 110, 160, 210, 255);
    for (const reverseChannels of [false, true]) {
      const fused = fuseNormalisation(plain, 'x', { ...settings, reverseChannels });
      const { out } = await run(fused, { x: new Tensor('uint8', samples, shape) });
      out!.forEach((value, i) => {
        const channel = layout === 'nchw' ? Math.floor(i / 2) : i % 3;
        const from = reverseChannels ? 2 - channel : channel;
        const at = layout === 'nchw' ? 2 * from + (i % 2) : i - (i % 3) + from;
        expect(value).toBeCloseTo((samples[at]! / 255 - settings.mean[channel]!) / settings.std[channel]!, 4);
      });
    }
  }
});
