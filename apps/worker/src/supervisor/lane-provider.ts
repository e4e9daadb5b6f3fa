import { UnderstudyError } from '@understudy/contracts';
import {
  chooseProvider,
  type ProbeOptions,
  type ProviderCandidate,
  probeProvider,
  type ProviderTest,
} from '@understudy/inference';

import type { WorkerConfig } from '../config/config.js';
import type { LaneLog } from '../log.js';

/** How a host's providers are tried; tests put their own in. */
export interface ProviderTrials {
  choose(dataDir: string, options: ProbeOptions): Promise<readonly ProviderTest[]>;
  probe(dataDir: string, candidate: ProviderCandidate, options: ProbeOptions): Promise<ProviderTest>;
}

const TRIALS: ProviderTrials = { choose: (dataDir, options) => chooseProvider(dataDir, options), probe: probeProvider };

/**
 * What this host's lanes run models with. Anything but single precision on the processor, which is what others are
 * compared with, has to pass a self-test first.
 *
 * @throws UnderstudyError PROVIDER_UNAVAILABLE with the reason where the one asked for fails
 */
export async function laneProvider(
  {
    provider,
    precision,
    dataDir,
    laneEnvironment,
  }: Pick<WorkerConfig, 'provider' | 'precision' | 'dataDir' | 'laneEnvironment'>,
  log: Pick<LaneLog, 'info' | 'warn'>,
  trials: ProviderTrials = TRIALS,
): Promise<ProviderCandidate> {
  if (provider === 'cpu' && precision === 'fp32') return { provider, precision };
  const options = { environment: laneEnvironment };
  const tests =
    provider === 'auto'
      ? await trials.choose(dataDir, options)
      : [await trials.probe(dataDir, { provider, precision }, options)];
  for (const test of tests.filter(({ passed }) => !passed)) {
    log.warn({ provider: test.provider, precision: test.precision, reason: test.reason }, 'provider not used');
  }
  const chosen = tests.find(({ passed }) => passed);
  if (chosen !== undefined) {
    const milliseconds = Object.fromEntries(chosen.models.map((model) => [model.role, model.milliseconds]));
    log.info({ provider: chosen.provider, precision: chosen.precision, milliseconds }, 'provider chosen');
    return { provider: chosen.provider, precision: chosen.precision };
  }
  const reasons = tests.map((test) => `${test.provider} ${test.precision}: ${test.reason ?? 'failed'}`);
  throw new UnderstudyError(
    'PROVIDER_UNAVAILABLE',
    `No lane can run here: ${reasons.join('; ')}. "understudy doctor" tries all there are; --provider cpu always runs.`,
    { details: { provider, precision } },
  );
}
