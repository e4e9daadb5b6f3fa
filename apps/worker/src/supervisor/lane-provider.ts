import { type BuiltInTest, toUnderstudyError, UnderstudyError } from '@understudy/contracts';
import {
  chooseProvider,
  findTrtexec,
  type Precision,
  type ProbeOptions,
  type ProviderCandidate,
  probeProvider,
  type ProviderTest,
} from '@understudy/inference';

import type { WorkerConfig } from '../config/config.js';
import { type Preparation, prepareEngines } from './engine-builder.js';

export interface LaneProvider extends ProviderCandidate {
  /** How the built-in models did in the trial; absent where none was needed. */
  readonly builtInTests?: readonly BuiltInTest[];
}

/** How a host's providers are tried; tests put their own in. */
export interface ProviderTrials {
  /** @param first goes before the others */
  choose(dataDir: string, options: ProbeOptions, first: readonly ProviderCandidate[]): Promise<readonly ProviderTest[]>;
  probe(dataDir: string, candidate: ProviderCandidate, options: ProbeOptions): Promise<ProviderTest>;
}

const TRIALS: ProviderTrials = {
  choose: (dataDir, options, first) => chooseProvider(dataDir, options, probeProvider, first),
  probe: probeProvider,
};

type ProviderConfig = Pick<
  WorkerConfig,
  'provider' | 'precision' | 'dataDir' | 'laneEnvironment' | 'trtexec' | 'engineBuildMs' | 'engineCacheBytes'
>;

/**
 * What this host's lanes run models with. Anything but single precision on the processor, which is what others are
 * compared with, has to pass a self-test first. TensorRT is given engines to run, built here where they are missing.
 *
 * @throws UnderstudyError PROVIDER_UNAVAILABLE with the reason where the one asked for fails
 */
export async function laneProvider(
  config: ProviderConfig,
  preparation: Preparation,
  trials: ProviderTrials = TRIALS,
): Promise<LaneProvider> {
  const { log } = preparation;
  const { provider, precision } = config;
  if (provider === 'cpu' && precision === 'fp32') return { provider, precision };
  const tests = await tried(config, preparation, trials);
  for (const test of tests.filter(({ passed }) => !passed)) {
    log.warn({ provider: test.provider, precision: test.precision, reason: test.reason }, 'provider not used');
  }
  const chosen = tests.find(({ passed }) => passed);
  if (chosen !== undefined) {
    const milliseconds = Object.fromEntries(chosen.models.map((model) => [model.role, model.milliseconds]));
    log.info({ provider: chosen.provider, precision: chosen.precision, milliseconds }, 'provider chosen');
    const { provider: kind, precision: width, engines: own, models } = chosen;
    return {
      provider: kind,
      precision: width,
      ...(own === undefined ? {} : { engines: own }),
      ...(models.length === 0 ? {} : { builtInTests: models }),
    };
  }
  const reasons = tests.map((test) => `${test.provider} ${test.precision}: ${test.reason ?? 'failed'}`);
  throw new UnderstudyError(
    'PROVIDER_UNAVAILABLE',
    `No lane can run here: ${reasons.join('; ')}. "understudy doctor" tries all there are; --provider cpu always runs.`,
    { details: { provider, precision } },
  );
}

/** What was tried, up to the first that passed. */
async function tried(
  config: ProviderConfig,
  preparation: Preparation,
  trials: ProviderTrials,
): Promise<readonly ProviderTest[]> {
  const { provider, precision, dataDir, laneEnvironment: environment } = config;
  if (provider !== 'auto' && provider !== 'tensorrt') {
    return [await trials.probe(dataDir, { provider, precision }, { environment })];
  }
  const isAuto = provider === 'auto';
  const built = await tensorrt(config, isAuto ? 'fp16' : precision, preparation, trials);
  if ('passed' in built) return isAuto ? [built, ...(await trials.choose(dataDir, { environment }, []))] : [built];
  return isAuto
    ? await trials.choose(dataDir, { environment }, [built])
    : [await trials.probe(dataDir, built, { environment })];
}

/** TensorRT with its engines, there already or built now; where there are none, a test that failed and says why. */
async function tensorrt(
  config: ProviderConfig,
  precision: Precision,
  preparation: Preparation,
  trials: ProviderTrials,
): Promise<ProviderCandidate | ProviderTest> {
  const { dataDir, laneEnvironment: environment } = config;
  const candidate = { provider: 'tensorrt', precision } as const;
  const failed = (reason: string): ProviderTest => ({ ...candidate, passed: false, models: [], reason });
  const trtexec = await findTrtexec(config.trtexec, environment);
  if (trtexec === undefined) return failed('there is no trtexec: put it on PATH, or name it in UNDERSTUDY_TRTEXEC');
  const loads = await trials.probe(dataDir, candidate, { environment, loadsOnly: true });
  if (!loads.passed) return loads;
  try {
    return { ...candidate, engines: await prepareEngines({ ...config, trtexec }, precision, preparation) };
  } catch (thrown) {
    const { code, message } = toUnderstudyError(thrown);
    if (code === 'CANCELLED') throw thrown;
    return failed(message);
  }
}
