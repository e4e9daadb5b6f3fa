import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fakeTrtexec, type FakeTrtexec } from '../../test/fake-trtexec.js';
import { buildModel, decodeModel, encodeModel, node, valueInfo } from '../onnx/model-proto.js';
import { parityClass } from '../session.js';
import { buildEngine, type EngineBuild } from './build-engine.js';
import { type EngineCache, engineInventory, enginesDigest, findEngine, sweepEngines } from './engine-cache.js';
import { engineKey } from './engine-key.js';
import { type EngineModel, engineSpec } from './engine-model.js';
import { engineOf } from './session-source.js';
import { findTrtexec, nvidiaCards, tensorrtVersion, visibleCards } from './tensorrt-host.js';

let folder: string;
let cache: EngineCache;
let fake: FakeTrtexec;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engines-'));
  fake = await fakeTrtexec(folder);
  cache = { folder: join(folder, 'cache'), tensorrtVersion: 'v100900', computeCapability: '8.6', digest: 'd' };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function modelOf(name: string, shape: readonly (number | string)[]): EngineModel {
  const graph = buildModel({
    nodes: [node('Relu', ['x'], ['y'])],
    inputs: [valueInfo('x', 'float32', shape)],
    outputs: [valueInfo('y', 'float32', shape)],
  });
  return { name, bytes: encodeModel(graph), openSide: 256 };
}
const OPEN = modelOf('an open model', ['batch', 3, 'height', 'width']);
const specOf = (model: EngineModel) => engineSpec(model, cache, 'fp16');

const build = (model: EngineModel, more: Partial<EngineBuild> = {}): Promise<string> =>
  buildEngine({
    ...{ cache, model, precision: 'fp16', trtexec: fake.path, environment: fake.environment, timeLimitMs: 20_000 },
    ...more,
  });
const records = async (): Promise<string[][]> =>
  (await readFile(fake.record, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as string[]);

describe('a build', () => {
  it('asks for the shapes that a lane runs, and leaves engine and wrapper together', async () => {
    const wrapper = await build(OPEN);
    const key = engineKey(specOf(OPEN));
    expect(wrapper).toBe(join(cache.folder, key, 'model.onnx'));
    expect(await findEngine(cache.folder, specOf(OPEN))).toBe(wrapper);
    expect((await readdir(join(cache.folder, key))).toSorted()).toEqual(['model.engine', 'model.onnx']);
    expect(await readFile(join(cache.folder, key, 'model.engine'), 'utf8')).toBe(
      `engine of ${OPEN.bytes.length} bytes`,
    );
    const shape = 'x:1x3x256x256';
    const partial = join(cache.folder, `${key}.partial`);
    expect(await records()).toEqual([
      [
        `--onnx=${join(partial, 'source.onnx')}`,
        '--fp16',
        ...[`--minShapes=${shape}`, `--optShapes=${shape}`, `--maxShapes=${shape}`],
        `--saveEngine=${join(partial, 'model.engine')}`,
        `--timingCacheFile=${join(cache.folder, 'timings')}`,
        '--skipInference',
      ],
    ]);
    const { graph } = decodeModel(await readFile(wrapper));
    expect(graph.node!.map(({ opType, input, output }) => [opType, input, output])).toEqual([
      ['EPContext', ['x'], ['y']],
    ]);
  });

  it.each([
    ['fails', /exit code 1: .*no kernel for node Conv_12 \| .*could not be created/],
    ['writes nothing', /wrote no engine/],
    ['dies half way', /SIGKILL/],
  ] as const)('that %s names the model and what was said, and leaves no engine', async (mode, reason) => {
    await fake.set(mode);
    const refused = build(modelOf('landmarks', [1, 8]));
    await expect(refused).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      message: expect.stringMatching(reason),
      details: { model: 'landmarks' },
    });
    const { engines, failures } = await engineInventory(cache.folder);
    expect(engines).toBe(0);
    expect(failures).toEqual([
      {
        model: 'landmarks',
        at: expect.any(String),
        reason: expect.stringMatching(/trtexec built no engine of landmarks/),
      },
    ]);
    expect((await readdir(cache.folder)).filter((name) => name !== 'failed')).toEqual([]);
    // The whole of what it said stays.
    expect((await readdir(join(cache.folder, 'failed'))).some((name) => name.endsWith('.log'))).toBe(true);
    await fake.set('builds');
    await build(modelOf('landmarks', [1, 8]));
    expect(await engineInventory(cache.folder)).toMatchObject({ engines: 1, failures: [] });
  });

  it('that hangs is ended after its time, with all that it started', async () => {
    await fake.set('hangs');
    const startedAt = performance.now();
    await expect(build(OPEN, { timeLimitMs: 1500 })).rejects.toThrow(/took more than 1.5 s/);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(await findEngine(cache.folder, specOf(OPEN))).toBeUndefined();
  });

  it('is ended by a signal, which is no failure of the model', async () => {
    await fake.set('hangs');
    const stop = new AbortController();
    const stopped = build(OPEN, { signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await engineInventory(cache.folder)).toMatchObject({ engines: 0, failures: [] });
  });

  it('of a program that is not there is refused', async () => {
    await expect(build(OPEN, { trtexec: join(folder, 'gone') })).rejects.toThrow(/could not be started/);
  });
});

describe('a session', () => {
  it('of TensorRT loads the engine’s wrapper, and nothing where there is none', async () => {
    const options = { provider: 'tensorrt', precision: 'fp16', engines: cache } as const;
    await expect(engineOf(OPEN.bytes, options, 256)).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    const wrapper = await build(OPEN);
    expect(await engineOf(OPEN.bytes, options, 256)).toBe(wrapper);
    // Another size or precision is another engine; other providers, and hosts that build none, load the graph.
    await expect(engineOf(OPEN.bytes, options, 128)).rejects.toThrow(/no TensorRT engine/);
    await expect(engineOf(OPEN.bytes, { ...options, precision: 'fp32' }, 256)).rejects.toThrow(/no TensorRT engine/);
    expect(await engineOf(OPEN.bytes, { ...options, provider: 'cuda' }, 256)).toBeUndefined();
    expect(await engineOf(OPEN.bytes, { provider: 'tensorrt' }, 256)).toBeUndefined();
  });

  it('is of another parity class with other engines: two builds may compute other bits', () => {
    const of = (digest: string) => parityClass({ provider: 'tensorrt', engines: { ...cache, digest } }).runtime;
    expect(of('a')).not.toBe(of('b'));
    expect(parityClass({ provider: 'cpu', engines: cache })).toEqual(parityClass({ provider: 'cpu' }));
  });
});

describe('the cache', () => {
  it('tells engines of other bytes apart', async () => {
    const wrapper = await build(OPEN);
    const before = await enginesDigest(cache.folder, [specOf(OPEN)]);
    expect(await enginesDigest(cache.folder, [specOf(OPEN)])).toBe(before);
    await writeFile(wrapper.replace('model.onnx', 'model.engine'), 'built again');
    expect(await enginesDigest(cache.folder, [specOf(OPEN)])).not.toBe(before);
  });

  it('is swept of what is half done, long unused or too much, and never of what is in use', async () => {
    const models = [1, 2, 3, 4].map((n) => modelOf(`model ${n}`, [1, n]));
    const keys = models.map((model) => engineKey(specOf(model)));
    const now = Date.now();
    for (const [n, model] of models.entries()) {
      const usedAt = new Date(now - [50, 40, 2, 1][n]! * 86_400_000);
      await utimes(await build(model), usedAt, usedAt);
    }
    await fake.set('builds');
    await writeFile(join(cache.folder, `${'0'.repeat(32)}.partial`), '');
    const rules = { keep: new Set([keys[0]!]), unusedMs: 30 * 86_400_000, nowMs: now };
    // The first is old and in use, the second old; of the others there is room for one, the one used last.
    const bytes = `engine of ${models[0]!.bytes.length} bytes`.length;
    expect(await sweepEngines(cache.folder, { ...rules, mostBytes: 2 * bytes })).toBe(2);
    const left = (await readdir(cache.folder)).filter((name) => name !== 'failed');
    expect(left.toSorted()).toEqual([keys[0]!, keys[3]!].toSorted());
  });
});

describe('the host', () => {
  it('is asked for its builder, its TensorRT and its cards', async () => {
    const { environment } = fake;
    expect(await findTrtexec(undefined, environment)).toBe(fake.path);
    expect(await findTrtexec('another', environment)).toBeUndefined();
    expect(await findTrtexec(fake.path, { PATH: '' })).toBe(fake.path);
    expect(await tensorrtVersion(fake.path, environment)).toBe('v100900');
    expect(await nvidiaCards(environment)).toEqual([
      { uuid: 'GPU-5c1f0e2a', computeCapability: '8.6', vramMiB: 24564 },
    ]);
    expect(await nvidiaCards({ ...environment, CUDA_VISIBLE_DEVICES: '' })).toEqual([]);
    expect(await nvidiaCards({ PATH: '/nowhere' })).toEqual([]);
  });

  it.each([
    [undefined, [0, 1, 2]],
    ['2,0', [2, 0]],
    ['GPU-b, GPU-a1', [1, 0]],
    ['1,7,0', [1]],
    ['-1', []],
    ['', []],
  ])('sees of its cards with %j those that CUDA would', (visible, seen) => {
    const cards = ['GPU-a1', 'GPU-b2', 'GPU-c3'].map((uuid) => ({ uuid, computeCapability: '8.6', vramMiB: 1 }));
    expect(visibleCards(cards, visible)).toEqual(seen.map((number) => cards[number]));
  });
});
