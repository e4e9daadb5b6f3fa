import { availableParallelism, hostname } from 'node:os';
import { resolve } from 'node:path';

import { UnderstudyError } from '@understudy/contracts';
import { z } from 'zod';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const CoordinatorUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  // What is no address at all is told by the check before.
  if (!URL.canParse(text)) return true;
  const url = new URL(text);
  return url.protocol === 'https:' || LOOPBACK.test(url.hostname);
}, 'plain HTTP is for the loopback alone: use https');

const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
const GIB = 1024 ** 3;

const Environment = z.object({
  COORDINATOR_URL: CoordinatorUrl,
  WORKER_TOKEN: z.string().min(1),
  /** Processes that work side by side; one a GPU. */
  LANES: count(1, 64).default(1),
  /** Emptied at every start and end: nothing else may lie there. */
  SCRATCH_DIR: z.string().min(1),
  /** Where logs of attempts wait for the coordinator; apart from the scratch folder, whose disk may be full. Default: beside it. */
  LOG_DIR: z.string().min(1).optional(),
  /** Holds the model packs. */
  DATA_DIR: z.string().min(1),
  /** `auto`: the fastest that passes a self-test on this host. */
  PROVIDER: z.enum(['auto', 'cpu', 'cuda', 'tensorrt', 'webgpu']).default('cpu'),
  /** With `auto` it is chosen too. */
  PRECISION: z.enum(['fp32', 'fp16']).default('fp32'),
  /** Of one inference; the same on all lanes that share a shot. */
  THREADS: count(1, 256).default(1),
  /** Builds TensorRT engines; by default `trtexec` on PATH. */
  UNDERSTUDY_TRTEXEC: z.string().min(1).optional(),
  /** Longest that one may take. */
  ENGINE_BUILD_MS: count(1, 24 * 3600_000).default(1800_000),
  /** Of engines that are kept beside those in use. */
  ENGINE_CACHE_BYTES: count(0, Number.MAX_SAFE_INTEGER).default(16 * GIB),
  CACHE_BYTES: count(1, Number.MAX_SAFE_INTEGER).default(64 * GIB),
  DRAIN_GRACE_MS: count(0, 600_000).default(5_000),
  /** How long a finished result waits for a coordinator that does not take it; never beyond its lease. */
  RESULT_PATIENCE_MS: count(0, 3_600_000).default(60_000),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

export interface WorkerConfig {
  readonly coordinatorUrl: string;
  readonly workerToken: string;
  readonly lanes: number;
  readonly scratchDir: string;
  readonly logDir: string;
  readonly dataDir: string;
  readonly provider: z.infer<typeof Environment>['PROVIDER'];
  readonly precision: 'fp32' | 'fp16';
  readonly threads: number;
  readonly trtexec: string | undefined;
  readonly engineBuildMs: number;
  readonly engineCacheBytes: number;
  readonly cacheBytes: number;
  readonly drainGraceMs: number;
  readonly resultPatienceMs: number;
  readonly logLevel: string;
  readonly host: string;
  /** What lane processes inherit: everything but the worker's own secret. */
  readonly laneEnvironment: Readonly<Record<string, string | undefined>>;
}

/** @throws UnderstudyError USAGE that names each wrong variable. */
export function workerConfig(env: Readonly<Record<string, string | undefined>> = process.env): WorkerConfig {
  const parsed = Environment.safeParse(env);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new UnderstudyError('USAGE', `The worker's environment is not right: ${wrong.join('; ')}.`, {
      details: { variables: parsed.error.issues.map((issue) => issue.path.join('.')) },
    });
  }
  const { WORKER_TOKEN: workerToken, ...given } = parsed.data;
  const { WORKER_TOKEN: _secret, ...laneEnvironment } = env;
  return {
    coordinatorUrl: given.COORDINATOR_URL,
    workerToken,
    lanes: given.LANES,
    scratchDir: resolve(given.SCRATCH_DIR),
    logDir: resolve(given.LOG_DIR ?? `${given.SCRATCH_DIR}-logs`),
    dataDir: resolve(given.DATA_DIR),
    provider: given.PROVIDER,
    precision: given.PRECISION,
    threads: Math.min(given.THREADS, availableParallelism()),
    trtexec: given.UNDERSTUDY_TRTEXEC,
    engineBuildMs: given.ENGINE_BUILD_MS,
    engineCacheBytes: given.ENGINE_CACHE_BYTES,
    cacheBytes: given.CACHE_BYTES,
    drainGraceMs: given.DRAIN_GRACE_MS,
    resultPatienceMs: given.RESULT_PATIENCE_MS,
    logLevel: given.LOG_LEVEL,
    host: hostname(),
    laneEnvironment,
  };
}
