import type { ProviderCandidate, ProviderTest } from '@understudy/inference';
import { describe, expect, it, vi } from 'vitest';

import { laneProvider, type ProviderTrials } from './lane-provider.js';

const log = { info: vi.fn(), warn: vi.fn() };
const BUILT_IN = [{ role: 'detector', difference: 0.001, milliseconds: 2 }] as const;
const tested = (candidate: ProviderCandidate, reason: string | null): ProviderTest => ({
  ...candidate,
  passed: reason === null,
  models: BUILT_IN,
  reason,
});
const NEVER: ProviderTrials = {
  choose: () => Promise.reject(new Error('not to be asked')),
  probe: () => Promise.reject(new Error('not to be asked')),
};
const config = (
  provider: 'auto' | ProviderCandidate['provider'],
  precision: ProviderCandidate['precision'] = 'fp32',
) => ({
  provider,
  precision,
  dataDir: '/data',
  laneEnvironment: { PATH: '/nowhere' },
  trtexec: undefined,
  engineBuildMs: 60_000,
  engineCacheBytes: 1e9,
});

describe('the provider of a lane', () => {
  it('is the processor without a trial', async () => {
    expect(await laneProvider(config('cpu'), { log }, NEVER)).toEqual({ provider: 'cpu', precision: 'fp32' });
  });

  it('is the one asked for when it passes', async () => {
    const probe = vi.fn(async (_: string, candidate: ProviderCandidate) => tested(candidate, null));
    const chosen = await laneProvider(config('cuda', 'fp16'), { log }, { ...NEVER, probe });
    expect(chosen).toEqual({ provider: 'cuda', precision: 'fp16', builtInTests: BUILT_IN });
    expect(probe).toHaveBeenCalledWith(
      '/data',
      { provider: 'cuda', precision: 'fp16' },
      { environment: { PATH: '/nowhere' } },
    );
  });

  it('is named with its reason when it does not', async () => {
    const probe = async (_: string, candidate: ProviderCandidate) => tested(candidate, 'no such library');
    await expect(laneProvider(config('webgpu'), { log }, { ...NEVER, probe })).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      message: expect.stringContaining('webgpu fp32: no such library'),
    });
  });

  it('is by itself the first that passes, and the others are logged', async () => {
    const choose = async () => [
      tested({ provider: 'cuda', precision: 'fp16' }, 'differs'),
      tested({ provider: 'cpu', precision: 'fp32' }, null),
    ];
    log.warn.mockClear();
    expect(await laneProvider(config('auto'), { log }, { ...NEVER, choose })).toEqual({
      provider: 'cpu',
      precision: 'fp32',
      builtInTests: BUILT_IN,
    });
    expect(log.warn).toHaveBeenCalledWith(
      { provider: 'cuda', precision: 'fp16', reason: 'differs' },
      'provider not used',
    );
  });
});
