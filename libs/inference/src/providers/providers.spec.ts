import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { beforeAll, describe, expect, test } from 'vitest';

import type { ModelPack } from '../manifest.js';
import { ensureDefaultPack } from '../model-pack.js';
import { chooseProvider, probeProvider } from './probe-provider.js';
import { type ProviderCandidate, type ProviderTest, testProvider } from './test-provider.js';

let pack: ModelPack;
beforeAll(async () => {
  pack = await ensureDefaultPack(fileURLToPath(new URL('../../../../.understudy', import.meta.url)));
});

describe('a provider', () => {
  test('that is the reference itself passes without a difference', async () => {
    const result = await testProvider(pack, { provider: 'cpu', precision: 'fp32' });
    expect(result).toMatchObject({ passed: true, reason: null });
    expect(result.models.map(({ role, difference }) => [role, difference])).toEqual([
      ['detector', 0],
      ['landmarks', 0],
      ['identity', 0],
    ]);
  });

  test('in half precision passes with a difference', async () => {
    const result = await testProvider(pack, { provider: 'cpu', precision: 'fp16' });
    expect(result.passed).toBe(true);
    for (const { difference, milliseconds } of result.models) {
      expect(difference).toBeGreaterThan(0);
      expect(milliseconds).toBeGreaterThan(0);
    }
  });

  test('whose library is not there fails with the reason', async () => {
    const result = await testProvider(pack, { provider: 'tensorrt', precision: 'fp32' });
    expect(result).toMatchObject({ passed: false, models: [] });
    expect(result.reason).toMatch(/tensorrt provider/);
  });
});

describe('a trial in a process of its own', () => {
  const CPU = { provider: 'cpu', precision: 'fp32' } as const;
  const programOf = async (text: string): Promise<URL> => {
    const path = join(await mkdtemp(join(tmpdir(), 'probe-')), 'program.mjs');
    await writeFile(path, text);
    return pathToFileURL(path);
  };

  test('that crashes is a reason', async () => {
    const program = await programOf("process.once('message', () => process.kill(process.pid, 'SIGSEGV'));");
    const result = await probeProvider('/nowhere', CPU, { environment: {}, program });
    expect(result).toMatchObject({ ...CPU, passed: false, reason: expect.stringContaining('SIGSEGV') });
  });

  test('sees no more of the environment than it is given', async () => {
    const text =
      "process.once('message', ({ candidate }) => process.send({ ...candidate, env: Object.keys(process.env) }));";
    const environment = { ONLY_THIS: '1' };
    const result = await probeProvider('/nowhere', CPU, { environment, program: await programOf(text) });
    expect((result as unknown as { env: string[] }).env.filter((name) => !name.startsWith('NODE_'))).toEqual([
      'ONLY_THIS',
    ]);
  });

  test('that hangs is ended, and a reason', async () => {
    const program = await programOf("process.once('message', () => setInterval(() => {}, 1000));");
    const result = await probeProvider('/nowhere', CPU, { environment: {}, program, longestMs: 1500 });
    expect(result).toMatchObject({ passed: false, reason: 'no answer within 1.5 s' });
  });
});

test('the first candidate that passes is chosen; what cannot be loaded is not tried in another precision', async () => {
  const tried: string[] = [];
  const probe = async (_: string, candidate: ProviderCandidate): Promise<ProviderTest> => {
    tried.push(`${candidate.provider} ${candidate.precision}`);
    const model = { role: 'detector' as const, difference: 1, milliseconds: 1 };
    const passed = candidate.provider === 'webgpu' && candidate.precision === 'fp32';
    const models = candidate.provider === 'cuda' ? [] : [model];
    return { ...candidate, passed, models, reason: passed ? null : 'no' };
  };
  const tests = await chooseProvider('/nowhere', { environment: {} }, probe);
  expect(tried).toEqual(['cuda fp16', 'webgpu fp16', 'webgpu fp32']);
  expect(tests.at(-1)).toMatchObject({ provider: 'webgpu', precision: 'fp32', passed: true });
});
