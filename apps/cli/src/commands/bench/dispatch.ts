import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { UnderstudyError } from '@understudy/contracts';
import { ROOT_DIR } from '../../config.js';
import { BenchFarm, type BenchLane } from './bench-farm.js';
import { type ClaimCost, claimCosts } from './claim-cost.js';
import { countDispatch, type DispatchCounts } from './dispatch-counts.js';
import { type LoadJob, LoadResult, type Quantiles, tenths } from './load-job.js';
import { cpuMs, rssMiB } from './process-usage.js';
import { seedShots } from './seed.js';

const LOAD_ENTRY = join(ROOT_DIR, 'apps/cli/dist/commands/bench/lane-load.js');
/** From the end of one hold to the next request of a lane. */
const PAUSE_MS = 100;
/** The production default. */
const HEARTBEAT_MS = 2_000;
const SHOTS = 10;
/** Shards a lane completes before anything is measured. */
const WARM_UP = 2;
/** Gives up when the shards take so many times as long as the load offers them. */
const PATIENCE = 6;

export interface DispatchOptions {
  readonly lanes: number;
  readonly shards: number;
  readonly pending: number;
  /** How long each lane holds a lease. */
  readonly holdMs: number;
  readonly coordinators: number;
  readonly homeDir: string;
  readonly signal: AbortSignal;
  readonly onStep: (step: string) => void;
}

export interface DispatchReport {
  readonly lanes: number;
  readonly shards: number;
  readonly holdMs: number;
  readonly coordinators: number;
  readonly verification: string;
  readonly offeredPerSec: number;
  readonly completionsPerSec: number;
  readonly claimMs: Quantiles;
  readonly completeMs: Quantiles;
  readonly heartbeatMs: Quantiles;
  /** The first load of a coordinator that has just started, whose code is not compiled yet: in no other latency here. */
  readonly cold: { readonly shards: number; readonly claimMs: Quantiles };
  readonly lost: number;
  readonly doublyAccepted: number;
  /** What the lanes were answered and what Postgres holds, the cold load's included. */
  readonly counts: DispatchCounts;
  readonly refusals: Readonly<Record<string, number>>;
  /** Processor time of each side, all coordinators together, for one completed shard, its lease and heartbeats included. */
  readonly cpuMsPerCompletion: { readonly coordinator: number; readonly postgres: number; readonly load: number };
  readonly claimMsByPending: readonly ClaimCost[];
  /** Of the coordinators together, the most that was seen; and before the load. */
  readonly rssMiB: number;
  readonly rssMiBAtStart: number;
  /** Medians of ten equal parts of the load's time: memory is flat where the later ones are alike. */
  readonly rssMiBByTenth: readonly number[];
}

/** @returns whether every shard was completed once, and Postgres says the same as the lanes */
export function isSound({ shards, cold, lost, doublyAccepted, counts }: DispatchReport): boolean {
  const all = shards + cold.shards;
  return lost === 0 && doublyAccepted === 0 && counts.acceptedTasks === all && counts.answeredTasks === all;
}

export async function benchDispatch(options: DispatchOptions): Promise<DispatchReport> {
  const { onStep, signal } = options;
  onStep(`starting Postgres and ${options.coordinators} coordinator(s) that take results unseen`);
  const farm = await BenchFarm.start(options.homeDir);
  try {
    await farm.startCoordinators(options.coordinators);
    signal.throwIfAborted();
    onStep(`registering ${options.lanes} lanes`);
    const lanes = await farm.addLanes(options.lanes);
    const figures = await measureLoad(farm, lanes, options);
    const claimMsByPending = options.pending === 0 ? [] : await claimCosts(farm, options.pending, options);
    return { ...figures, claimMsByPending };
  } finally {
    await farm.stop();
  }
}

async function seed(farm: BenchFarm, name: string, shards: number): Promise<void> {
  const each = Math.floor(shards / SHOTS);
  if (each > 0) await seedShots(farm, { name, shots: SHOTS, shardsEach: each });
  if (shards % SHOTS > 0) await seedShots(farm, { name: `${name}, the rest`, shots: 1, shardsEach: shards % SHOTS });
  await farm.owner.query('VACUUM ANALYZE');
}

async function measureLoad(
  farm: BenchFarm,
  lanes: readonly BenchLane[],
  { shards, holdMs, coordinators, signal, onStep }: DispatchOptions,
): Promise<Omit<DispatchReport, 'claimMsByPending'>> {
  const periodMs = holdMs + PAUSE_MS;
  const offeredPerSec = (lanes.length * 1000) / periodMs;
  const jobOf = (count: number): LoadJob => ({
    host: farm.address.host,
    ports: [...farm.ports],
    lanes: [...lanes],
    shards: count,
    holdMs,
    periodMs,
    heartbeatMs: HEARTBEAT_MS,
    limitMs: 30_000 + Math.ceil((PATIENCE * count * 1000) / offeredPerSec),
  });
  const warmUp = WARM_UP * lanes.length;
  onStep(`${lanes.length} lanes offer ${Math.round(offeredPerSec)} shards a second; ${warmUp} to warm up`);
  await seed(farm, 'warm-up', warmUp);
  const cold = await runLoad(jobOf(warmUp), signal);
  // Not before: lanes that still ask when the last one is leased would take of these.
  await seed(farm, 'load', shards);
  signal.throwIfAborted();
  onStep(`${shards} shards`);
  const usedMs = async (): Promise<number> => sum(await Promise.all(farm.coordinatorPids.map((pid) => cpuMs(pid))));
  const heldMiB = async (): Promise<number> => sum(await Promise.all(farm.coordinatorPids.map((pid) => rssMiB(pid))));
  const before = { coordinator: await usedMs(), postgres: await cpuMs(farm.postgresPid, true) };
  const rssMiBAtStart = await heldMiB();
  const held = [rssMiBAtStart];
  const watch = setInterval(() => void heldMiB().then((mib) => held.push(mib)), 500);
  const load = await runLoad(jobOf(shards), signal).finally(() => clearInterval(watch));
  const completed = load.result.completed.length;
  const counts = await countDispatch(farm.owner, [...cold.result.completed, ...load.result.completed]);
  const per = (ms: number): number => Math.round((ms / Math.max(1, completed)) * 100) / 100;
  return {
    lanes: lanes.length,
    shards,
    holdMs,
    coordinators,
    verification: 'media not verified: an adapter accepts every result unseen',
    offeredPerSec: tenths(offeredPerSec),
    completionsPerSec: tenths(completed / Math.max(load.result.seconds, 0.001)),
    claimMs: load.result.claimMs,
    completeMs: load.result.completeMs,
    heartbeatMs: load.result.heartbeatMs,
    cold: { shards: warmUp, claimMs: cold.result.claimMs },
    lost: counts.lost,
    doublyAccepted: counts.doublyAccepted,
    counts,
    refusals: merged(cold.result.refusals, load.result.refusals),
    cpuMsPerCompletion: {
      coordinator: per((await usedMs()) - before.coordinator),
      postgres: per((await cpuMs(farm.postgresPid, true)) - before.postgres),
      load: per(load.cpuMs),
    },
    rssMiB: Math.max(...held),
    rssMiBAtStart,
    rssMiBByTenth: medianOfTenths(held),
  };
}

function merged(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>) {
  const sums = { ...one };
  for (const [key, count] of Object.entries(other)) sums[key] = (sums[key] ?? 0) + count;
  return sums;
}

/** The lanes live in a process of their own, so that their work does not delay what is measured of them. */
async function runLoad(job: LoadJob, signal: AbortSignal): Promise<{ result: LoadResult; cpuMs: number }> {
  const child = spawn(process.execPath, [LOAD_ENTRY], { stdio: ['pipe', 'pipe', 'inherit'], signal });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  child.stdin.end(JSON.stringify(job));
  let usedMs = 0;
  const watch = setInterval(() => void cpuMs(child.pid ?? 0).then((ms) => (usedMs = Math.max(usedMs, ms))), 500);
  try {
    const [output, code] = await Promise.all([text(child.stdout), ended]);
    if (code !== 0)
      throw new UnderstudyError('INTERNAL', `the load of the bench ended with exit code ${code ?? 'none'}`);
    return { result: LoadResult.parse(JSON.parse(output)), cpuMs: usedMs };
  } finally {
    clearInterval(watch);
  }
}

function medianOfTenths(samples: readonly number[]): number[] {
  const parts = Math.min(10, samples.length);
  return Array.from({ length: parts }, (_, part) => {
    const from = Math.floor((part * samples.length) / parts);
    const sorted = samples.slice(from, Math.floor(((part + 1) * samples.length) / parts)).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function describeDispatch(report: DispatchReport): string {
  const ms = ({ p50, p99 }: Quantiles): string => `p50 ${p50} ms, p99 ${p99} ms`;
  return [
    `${report.lanes} lanes, ${report.shards} shards, ${report.coordinators} coordinator(s); ${report.verification}`,
    `completions ${report.completionsPerSec}/s of ${report.offeredPerSec}/s offered`,
    `the first ${report.cold.shards} shards of a coordinator just started: claim ${ms(report.cold.claimMs)}`,
    `claim ${ms(report.claimMs)}; complete ${ms(report.completeMs)}; heartbeat ${ms(report.heartbeatMs)}`,
    `lost ${report.lost}, doubly accepted ${report.doublyAccepted}; Postgres: ${JSON.stringify(report.counts)}`,
    `processor ms a completion: ${JSON.stringify(report.cpuMsPerCompletion)}`,
    `coordinator ${report.rssMiBAtStart} MiB before, ${report.rssMiB} MiB at most; over time ${report.rssMiBByTenth.join(', ')}`,
    ...report.claimMsByPending.map((cost) => `claim under ${cost.pending} pending: ${ms(cost)}`),
  ].join('\n');
}
