import { createHash } from 'node:crypto';

import { expect, test } from 'vitest';

import { decodeModel } from '../onnx/model-proto.js';
import { checkGraph } from '../packs/check-graph.js';
import type { EngineSpec } from './engine-key.js';
import { engineKey } from './engine-key.js';
import { engineWrapper } from './ep-context.js';
import { trtexecArguments } from './trtexec.js';

const SPEC: EngineSpec = {
  modelSha256: 'a'.repeat(64),
  tensorrtVersion: '10.9.0',
  computeCapability: '8.6',
  precision: 'fp16',
  shapes: {
    target: { min: [1, 3, 128, 128], opt: [4, 3, 128, 128], max: [16, 3, 128, 128] },
    source: { min: [1, 512], opt: [4, 512], max: [16, 512] },
  },
};

test('trtexec gets these arguments', () => {
  const paths = { onnx: '/packs/a b/model.onnx', engine: '/engines/k.engine', timingCache: '/engines/timings' };
  expect(trtexecArguments(SPEC, paths)).toEqual([
    '--onnx=/packs/a b/model.onnx',
    '--fp16',
    '--minShapes=source:1x512,target:1x3x128x128',
    '--optShapes=source:4x512,target:4x3x128x128',
    '--maxShapes=source:16x512,target:16x3x128x128',
    '--saveEngine=/engines/k.engine',
    '--timingCacheFile=/engines/timings',
    '--skipInference',
  ]);
  expect(trtexecArguments({ ...SPEC, precision: 'fp32', shapes: {} }, { onnx: 'm', engine: 'e' })).toEqual([
    '--onnx=m',
    '--saveEngine=e',
    '--skipInference',
  ]);
});

test('shapes out of order, and names that would be read as more, are refused', () => {
  const range = { min: [2, 512], opt: [1, 512], max: [4, 512] };
  const refused = expect.objectContaining({ code: 'INVALID_REQUEST' });
  const paths = { onnx: 'm', engine: 'e' };
  expect(() => trtexecArguments({ ...SPEC, shapes: { source: range } }, paths)).toThrow(refused);
  const sound = { min: [1, 512], opt: [1, 512], max: [4, 512] };
  expect(() => trtexecArguments({ ...SPEC, shapes: { 'a:1,b': sound } }, paths)).toThrow(refused);
});

test('the key changes with all that an engine depends on, and with nothing else', () => {
  const reordered = { ...SPEC, shapes: { source: SPEC.shapes['source']!, target: SPEC.shapes['target']! } };
  expect(engineKey(reordered)).toBe(engineKey(SPEC));
  const others: EngineSpec[] = [
    { ...SPEC, modelSha256: 'b'.repeat(64) },
    { ...SPEC, tensorrtVersion: '10.9.1' },
    { ...SPEC, computeCapability: '8.9' },
    { ...SPEC, precision: 'fp32' },
    { ...SPEC, shapes: { ...SPEC.shapes, source: { min: [1, 512], opt: [8, 512], max: [16, 512] } } },
  ];
  expect(new Set([SPEC, ...others].map(engineKey)).size).toBe(6);
  expect(engineKey(SPEC)).toMatch(/^[0-9a-f]{32}$/);
});

const WRAPPER = engineWrapper({
  inputs: [
    { name: 'target', type: 'float32', shape: ['batch', 3, 128, 128] },
    { name: 'source', type: 'float32', shape: ['batch', 512] },
  ],
  outputs: [{ name: 'output', type: 'float32', shape: ['batch', 3, 128, 128] }],
  engineFile: 'key.engine',
  computeCapability: '8.6',
});

test('the wrapper of an engine is one node with its names, types and attributes', () => {
  const model = decodeModel(WRAPPER);
  expect(model.graph.node).toHaveLength(1);
  const [context] = model.graph.node!;
  expect(context).toMatchObject({
    opType: 'EPContext',
    domain: 'com.microsoft',
    input: ['target', 'source'],
    output: ['output'],
  });
  const text = (bytes: Uint8Array | null | undefined) => new TextDecoder().decode(bytes ?? new Uint8Array());
  const attributes = context!.attribute!.map((one) => [one.name, one.type === 2 ? Number(one.i) : text(one.s)]);
  expect(Object.fromEntries(attributes)).toEqual({
    main_context: 1,
    embed_mode: 0,
    ep_cache_context: 'key.engine',
    source: 'TensorrtExecutionProvider',
    hardware_architecture: '8.6',
  });
  expect(model.opsetImport!.map((one) => [one.domain, Number(one.version)])).toEqual([
    ['', 13],
    ['com.microsoft', 1],
  ]);
  const dims = model.graph.input![0]!.type!.tensorType!.shape!.dim!;
  expect(dims.map((dim) => dim.dimParam || Number(dim.dimValue))).toEqual(['batch', 3, 128, 128]);
});

test('the wrapper is the same bytes each time', () => {
  expect(createHash('sha256').update(WRAPPER).digest('hex')).toBe(
    'ea9d9df322ac584990a71720f3918a717abe8a47681a341edfc13ebefbbe08a3',
  );
});

test('an engine in another folder is refused, and so is a wrapper that comes as a pack', () => {
  const settings = { inputs: [], outputs: [], computeCapability: '8.6' };
  for (const engineFile of ['../x.engine', '/x.engine', 'a/b.engine', '']) {
    expect(() => engineWrapper({ ...settings, engineFile })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  }
  expect(() => checkGraph(decodeModel(WRAPPER))).toThrow(expect.objectContaining({ code: 'PACK_ENGINE_REFUSED' }));
});
