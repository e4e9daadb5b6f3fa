import { fileURLToPath } from 'node:url';

import { beforeAll, expect, test } from 'vitest';

import type { ModelManifest, ModelPack } from './manifest.js';
import { modelHashes } from './manifest.js';
import { ensureDefaultPack } from './model-pack.js';
import { openModel, parityClass } from './session.js';

let pack: ModelPack;
beforeAll(async () => {
  pack = await ensureDefaultPack(fileURLToPath(new URL('../../../.understudy', import.meta.url)));
});

/** The default pack with its landmark model described otherwise. */
const described = (change: Partial<ModelManifest>): ModelPack => ({
  ...pack,
  manifest: {
    ...pack.manifest,
    models: pack.manifest.models.map((model) => (model.role === 'landmarks' ? { ...model, ...change } : model)),
  },
});

test('a model runs, and gives the same bits each time', async () => {
  const model = await openModel(pack, 'landmarks');
  const input = Float32Array.from({ length: 64 * 64 }, (_, i) => ((i * 37) % 255) / 256);
  const first = await model.run({ input });
  expect(first.output).toHaveLength(136);
  expect(await model.run({ input })).toEqual(first);
  const again = await openModel(pack, 'landmarks');
  expect(await again.run({ input })).toEqual(first);
  await expect(model.run({})).rejects.toThrow(RangeError);
  await Promise.all([model.release(), again.release()]);
});

const float32 = (name: string, shape: number[]) => [{ name, type: 'float32' as const, shape }];

test('another tensor name or shape than the manifest says is refused before use', async () => {
  for (const change of [
    { inputs: float32('image', [1, 1, 64, 64]) },
    { inputs: float32('input', [1, 3, 64, 64]) },
    { outputs: float32('output', [1, 10]) },
    { sha256: '0'.repeat(64) },
  ]) {
    await expect(openModel(described(change), 'landmarks')).rejects.toMatchObject({ code: 'MODEL_HASH_MISMATCH' });
  }
});

test('a provider that this runtime has not is an error', async () => {
  await expect(openModel(pack, 'landmarks', { provider: 'cuda' })).rejects.toMatchObject({
    code: 'PROVIDER_UNAVAILABLE',
  });
});

test('the parity class names all that may change a bit', () => {
  expect(parityClass({ threads: 2 })).toEqual({
    provider: 'cpu',
    precision: 'fp32',
    runtime: expect.stringMatching(/^onnxruntime-1\.30\./),
    isa: expect.stringMatching(new RegExp(`^${process.arch}/.+`)),
    batch: 1,
    threads: 2,
  });
});

test('a plan can pin the models by role', () => {
  expect(modelHashes(pack)).toEqual({
    detector: expect.stringMatching(/^[0-9a-f]{64}$/),
    landmarks: expect.stringMatching(/^[0-9a-f]{64}$/),
    identity: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});
