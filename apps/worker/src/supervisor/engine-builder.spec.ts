import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  addPack,
  buildModel,
  catalogueRow,
  encodeModel,
  ensureDefaultPack,
  floatTensor,
  type ModelPack,
  node,
  type ProviderCandidate,
  type ProviderTest,
  valueInfo,
} from '@understudy/inference';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { fakeTrtexec, type FakeTrtexec } from '../../../../libs/inference/test/fake-trtexec.js';
import { prepareEngines } from './engine-builder.js';
import { laneProvider, type ProviderTrials } from './lane-provider.js';

const HOME = fileURLToPath(new URL('../../../../.understudy', import.meta.url));
let pack: ModelPack;
let dataDir: string;
let fake: FakeTrtexec;
const say = () => vi.fn<(fields: Readonly<Record<string, unknown>>, message: string) => void>();
let log: { info: ReturnType<typeof say>; warn: ReturnType<typeof say> };
beforeAll(async () => {
  pack = await ensureDefaultPack(HOME);
});
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'engine-builder-'));
  await symlink(join(HOME, 'models'), join(dataDir, 'models'));
  const tools = join(dataDir, 'tools');
  await mkdir(tools);
  fake = await fakeTrtexec(tools);
  log = { info: say(), warn: say() };
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const config = (more: { environment?: Readonly<Record<string, string>> } = {}) => ({
  provider: 'auto' as const,
  precision: 'fp16' as const,
  dataDir,
  laneEnvironment: more.environment ?? fake.environment,
  trtexec: fake.path,
  engineBuildMs: 20_000,
  engineCacheBytes: 1e9,
});
const builds = async (): Promise<number> => (await readFile(fake.record, 'utf8')).split('\n').length - 1;
const said = (): unknown[] => log.info.mock.calls.map(([, text]) => text);

/** A restorer's graph among the host's packs. @returns its bytes */
async function addRestorer(): Promise<number> {
  const shape = [1, 3, 512, 512];
  const model = encodeModel(
    buildModel({
      nodes: [node('Mul', ['input', 'gain'], ['output'])],
      inputs: [valueInfo('input', 'float32', shape)],
      outputs: [valueInfo('output', 'float32', shape)],
      initializers: [floatTensor('gain', [1], [2])],
    }),
  );
  const path = join(dataDir, 'restorer.onnx');
  await writeFile(path, model);
  await addPack(dataDir, path, catalogueRow('gfpgan_1.4'), { version: '1' });
  return model.byteLength;
}

describe('the engines of a host', () => {
  it('are built one by one, told of, and found again', async () => {
    const onStep = vi.fn();
    const first = await prepareEngines(config(), 'fp16', { log, onStep });
    expect(first).toMatchObject({ tensorrtVersion: 'v100900', computeCapability: '8.6' });
    expect(said()).toEqual(['building engine 1/3', 'building engine 2/3', 'building engine 3/3']);
    expect(onStep.mock.calls.flat()).toEqual(said());
    expect(log.info.mock.calls.map(([{ model }]) => model)).toEqual(pack.manifest.models.map(({ role }) => role));
    expect(await prepareEngines(config(), 'fp16', { log })).toEqual(first);
    expect(await builds()).toBe(3);
    // Another runtime has engines of its own.
    await fakeTrtexec(join(dataDir, 'tools'), { version: 'v101000' });
    expect((await prepareEngines(config(), 'fp16', { log })).digest).not.toBe(first.digest);
    expect(await builds()).toBe(3);
  });

  it('are built by one worker at a time: the next one waits, until that is done or dead', async () => {
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
    const stat = await readFile(`/proc/${other.pid}/stat`, 'utf8');
    const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    await mkdir(join(dataDir, 'engines'));
    await writeFile(join(dataDir, 'engines', 'builder.json'), JSON.stringify({ pid: other.pid, startedAt }));
    const prepared = prepareEngines(config(), 'fp16', { log });
    await vi.waitFor(() => expect(said()).toEqual(['another worker of this host builds engines: waiting']), 10_000);
    expect(await builds()).toBe(0);
    other.kill('SIGKILL');
    await prepared;
    expect(await builds()).toBe(3);
  });

  it('of a builder that died are built by the next one', async () => {
    await mkdir(join(dataDir, 'engines'));
    await writeFile(join(dataDir, 'engines', 'builder.json'), JSON.stringify({ pid: 4_194_305, startedAt: '1' }));
    await prepareEngines(config(), 'fp16', { log });
    expect(await builds()).toBe(3);
  });

  it('are there without the one of a pack that cannot be built, which is named', async () => {
    const bytes = await addRestorer();
    await fake.set(`fails only for ${bytes}`);
    const without = await prepareEngines(config(), 'fp16', { log });
    expect(await builds()).toBe(4);
    expect(log.warn.mock.calls).toEqual([
      [
        {
          model: 'gfpgan_1.4 1',
          code: 'PROVIDER_UNAVAILABLE',
          reason: expect.stringMatching(/no engine of gfpgan_1\.4 1.*could not be created/),
        },
        'no engine of this pack',
      ],
    ]);
    // The lanes are of the parity class of what there is.
    await fake.set('builds');
    const withIt = await prepareEngines(config(), 'fp16', { log });
    expect(await builds()).toBe(5);
    expect(withIt.digest).not.toBe(without.digest);
  });

  it('of cards that differ, or of none, are refused', async () => {
    await fakeTrtexec(join(dataDir, 'tools'), { cards: ['GPU-a, 8.6, 24564', 'GPU-b, 9.0, 81559'] });
    await expect(prepareEngines(config(), 'fp16', { log })).rejects.toThrow(/8\.6, 9\.0/);
    await expect(prepareEngines(config({ environment: { PATH: '/nowhere' } }), 'fp16', { log })).rejects.toThrow(
      /No NVIDIA card/,
    );
  });

  it('stop being built when the worker is told to end', async () => {
    await fake.set('hangs');
    const stop = new AbortController();
    const stopped = prepareEngines(config(), 'fp16', { log, signal: stop.signal });
    setTimeout(() => stop.abort(), 1000);
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('a lane that may choose', () => {
  const tested = (candidate: ProviderCandidate, reason: string | null = null): ProviderTest => {
    return { ...candidate, passed: reason === null, models: [], reason };
  };
  /** TensorRT's libraries load; of what is chosen from, the first passes. */
  const trials = (): ProviderTrials & { choose: ReturnType<typeof vi.fn> } => ({
    probe: async (_, candidate) => tested(candidate),
    choose: vi.fn(async (_dataDir: string, _options: unknown, first: readonly ProviderCandidate[]) =>
      [...first, { provider: 'cuda', precision: 'fp16' } as const].slice(0, 1).map((one) => tested(one)),
    ),
  });

  it('takes TensorRT with its engines', async () => {
    const chosen = await laneProvider(config(), { log }, trials());
    expect(chosen).toMatchObject({ provider: 'tensorrt', precision: 'fp16', engines: { computeCapability: '8.6' } });
  });

  it('takes the next where an engine of the default models cannot be built, and says why', async () => {
    await fake.set('fails');
    const chosen = await laneProvider(config(), { log }, trials());
    expect(chosen).toEqual({ provider: 'cuda', precision: 'fp16' });
    expect(await builds()).toBe(1);
    expect(log.warn).toHaveBeenCalledWith(
      {
        provider: 'tensorrt',
        precision: 'fp16',
        reason: expect.stringMatching(/no engine of detector.*could not be created/),
      },
      'provider not used',
    );
  });

  it('builds nothing where the libraries do not load, or nobody could build', async () => {
    const loadless = { ...trials(), probe: async (_: string, one: ProviderCandidate) => tested(one, 'no libnvinfer') };
    expect(await laneProvider(config(), { log }, loadless)).toEqual({ provider: 'cuda', precision: 'fp16' });
    const without = { ...config({ environment: { PATH: '/nowhere' } }), trtexec: undefined };
    expect(await laneProvider(without, { log }, trials())).toEqual({ provider: 'cuda', precision: 'fp16' });
    expect(await builds()).toBe(0);
    expect(log.warn.mock.calls.map(([{ reason }]) => reason)).toEqual([
      'no libnvinfer',
      expect.stringContaining('no trtexec'),
    ]);
  });

  it('that was asked for TensorRT ends with the reason', async () => {
    await fake.set('writes nothing');
    const asked = laneProvider({ ...config(), provider: 'tensorrt' }, { log }, trials());
    await expect(asked).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      message: expect.stringContaining('wrote no engine'),
    });
  });
});
