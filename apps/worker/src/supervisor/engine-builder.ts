import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { toUnderstudyError, UnderstudyError } from '@understudy/contracts';
import {
  buildEngine,
  type EngineCache,
  engineKey,
  enginesDigest,
  enginesFolder,
  engineSpec,
  type EngineSpec,
  ensureDefaultPack,
  findEngine,
  type LaneModel,
  laneModels,
  nvidiaCards,
  type Precision,
  sweepEngines,
  tensorrtVersion,
} from '@understudy/inference';

import type { WorkerConfig } from '../config/config.js';
import type { LaneLog } from '../log.js';
import { ownFile } from './own-file.js';

type BuilderConfig = Pick<WorkerConfig, 'dataDir' | 'laneEnvironment' | 'engineBuildMs' | 'engineCacheBytes'> & {
  /** The program's path. */
  readonly trtexec: string;
};
type BuilderLog = Pick<LaneLog, 'info' | 'warn'>;

export interface Preparation {
  readonly log: BuilderLog;
  /** Told of what keeps the lanes from work: `building engine 2/4`. */
  readonly onStep?: ((step: string) => void) | undefined;
  /** Ends a build that is under way. */
  readonly signal?: AbortSignal | undefined;
}

type Host = Omit<EngineCache, 'digest'>;

const OWNER_FILE = 'builder.json';
const ASK_EVERY_MS = 1000;
/** What nobody has used for so long is of an older runtime, model or card. */
const UNUSED_MS = 30 * 24 * 3600_000;

/**
 * The engines that this host's lanes run with TensorRT: found, or built one after the other by one worker of the host at a
 * time. A pack whose engine can't be built is named in the log and fails its self-test; a default model's failure is thrown.
 *
 * @throws UnderstudyError PROVIDER_UNAVAILABLE with the reason why there are none, CANCELLED
 */
export async function prepareEngines(
  config: BuilderConfig,
  precision: Precision,
  preparation: Preparation,
): Promise<EngineCache> {
  const { dataDir, trtexec, laneEnvironment: environment } = config;
  const computeCapability = await oneKindOfCard(environment);
  const folder = enginesFolder(dataDir);
  const host: Host = { folder, tensorrtVersion: await tensorrtVersion(trtexec, environment), computeCapability };
  const models = await laneModels(dataDir, await ensureDefaultPack(dataDir));
  const builder = new EngineBuilder({ ...preparation, config, host, precision });
  const specs = await builder.specs(models);
  return { ...host, digest: await enginesDigest(folder, specs) };
}

/** Cards that differ would want engines of their own each. */
async function oneKindOfCard(environment: BuilderConfig['laneEnvironment']): Promise<string> {
  const kinds = [...new Set((await nvidiaCards(environment)).map((card) => card.computeCapability))];
  const [only, another] = kinds;
  if (only === undefined) throw new UnderstudyError('PROVIDER_UNAVAILABLE', 'No NVIDIA card answers (nvidia-smi).');
  if (another === undefined) return only;
  throw new UnderstudyError(
    'PROVIDER_UNAVAILABLE',
    `This host's cards differ (compute capability ${kinds.join(', ')}): start a worker for each kind.`,
  );
}

interface BuilderOptions extends Preparation {
  readonly config: BuilderConfig;
  readonly host: Host;
  readonly precision: Precision;
}

interface Planned {
  readonly model: LaneModel;
  readonly spec: EngineSpec;
}

class EngineBuilder {
  readonly #options: BuilderOptions;

  constructor(options: BuilderOptions) {
    this.#options = options;
  }

  /** What there are engines of in the end. */
  async specs(models: readonly LaneModel[]): Promise<EngineSpec[]> {
    const { folder } = this.#options.host;
    await mkdir(folder, { recursive: true });
    const planned = await this.#plan(models);
    if ((await this.#missing(planned)).length > 0) await this.#locked(() => this.#buildAll(planned));
    const missing = new Set(await this.#missing(planned));
    return planned.filter((one) => !missing.has(one)).map(({ spec }) => spec);
  }

  async #plan(models: readonly LaneModel[]): Promise<Planned[]> {
    const { host, precision, log } = this.#options;
    const planned: Planned[] = [];
    for (const model of models) {
      try {
        planned.push({ model, spec: engineSpec(await model.read(), host, precision) });
      } catch (thrown) {
        const { code, message } = toUnderstudyError(thrown);
        if (model.isDefault) throw thrown;
        // Its self-test on the lane fails for the same reason.
        log.warn({ model: model.name, code, reason: message }, 'no engine of this pack');
      }
    }
    return planned;
  }

  async #buildAll(planned: readonly Planned[]): Promise<void> {
    const { host, precision, log, onStep, signal, config } = this.#options;
    // Asked anew: whoever had the lock before may have built them.
    const missing = await this.#missing(planned);
    for (const [index, { model: lacking }] of missing.entries()) {
      const model = await lacking.read();
      const step = `building engine ${index + 1}/${missing.length}`;
      log.info({ model: model.name }, step);
      onStep?.(step);
      try {
        const { trtexec, laneEnvironment: environment, engineBuildMs: timeLimitMs } = config;
        await buildEngine({ cache: host, model, precision, trtexec, environment, timeLimitMs, signal });
      } catch (thrown) {
        const { code, message } = toUnderstudyError(thrown);
        if (lacking.isDefault || code === 'CANCELLED') throw thrown;
        log.warn({ model: model.name, code, reason: message }, 'no engine of this pack');
      }
    }
    await this.#sweep(planned);
  }

  async #sweep(planned: readonly Planned[]): Promise<void> {
    const { host, config, log } = this.#options;
    const keep = new Set(planned.map(({ spec }) => engineKey(spec)));
    const rules = { keep, mostBytes: config.engineCacheBytes, unusedMs: UNUSED_MS, nowMs: Date.now() };
    const engines = await sweepEngines(host.folder, rules);
    if (engines > 0) log.info({ engines }, 'old engines deleted');
  }

  async #missing(planned: readonly Planned[]): Promise<Planned[]> {
    const missing: Planned[] = [];
    for (const one of planned) {
      if ((await findEngine(this.#options.host.folder, one.spec)) === undefined) missing.push(one);
    }
    return missing;
  }

  /** A build measures the card: a second one beside it would spoil both. */
  async #locked(work: () => Promise<void>): Promise<void> {
    const { host, log, signal } = this.#options;
    const path = join(host.folder, OWNER_FILE);
    for (let waits = 0; !(await ownFile(path)); waits++) {
      if (waits === 0) log.info({}, 'another worker of this host builds engines: waiting');
      await delay(ASK_EVERY_MS, undefined, { signal }).catch(() => {
        throw new UnderstudyError('CANCELLED', 'The wait for engines was stopped.');
      });
    }
    try {
      await work();
    } finally {
      await rm(path, { force: true });
    }
  }
}
