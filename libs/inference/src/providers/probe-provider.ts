import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { ProviderCandidate, ProviderTest } from './test-provider.js';

/** What a lane tries, the fastest kind first; each half as wide where that passes. TensorRT goes before them where engines were built. */
export const PROVIDER_CANDIDATES: readonly ProviderCandidate[] = [
  { provider: 'cuda', precision: 'fp16' },
  { provider: 'cuda', precision: 'fp32' },
  { provider: 'webgpu', precision: 'fp16' },
  { provider: 'webgpu', precision: 'fp32' },
  { provider: 'cpu', precision: 'fp32' },
];

const PROGRAM = new URL('probe-process.js', import.meta.url.replace('/libs/inference/src/', '/libs/inference/dist/'));
const LONGEST_MS = 60_000;

/** From the parent: where the default pack lies, and what to try. */
export interface ProbeOrder {
  readonly dataDir: string;
  readonly candidate: ProviderCandidate;
  /** Whether its libraries load at all, and no more. */
  readonly loadsOnly?: boolean | undefined;
}

export interface ProbeOptions {
  /** Of the process: where drivers and libraries are, and no secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly program?: URL;
  readonly longestMs?: number;
  /** Asks {@link providerLoads} instead. */
  readonly loadsOnly?: boolean;
}

/** {@link testProvider}, or {@link providerLoads}, in a process of its own, since a driver that is not right may take its process with it. */
export async function probeProvider(
  dataDir: string,
  candidate: ProviderCandidate,
  { environment, program = PROGRAM, longestMs = LONGEST_MS, loadsOnly }: ProbeOptions,
): Promise<ProviderTest> {
  const child = fork(fileURLToPath(program), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: { ...environment } });
  const failed = (reason: string): ProviderTest => ({ ...candidate, passed: false, models: [], reason });
  try {
    return await new Promise<ProviderTest>((resolve) => {
      const timer = setTimeout(() => resolve(failed(`no answer within ${longestMs / 1000} s`)), longestMs);
      child.once('message', (result) => resolve(result as ProviderTest));
      child.once('error', (error) => resolve(failed(`the test could not be started: ${error.message}`)));
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        resolve(failed(`the runtime ended its process (${signal ?? `exit ${code}`})`));
      });
      child.send({ dataDir, candidate, loadsOnly } satisfies ProbeOrder);
    });
  } finally {
    await ended(child);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

/**
 * Tries candidates in their order, up to the first that passes.
 *
 * @param first goes before all others: one that this host has engines for
 * @returns all that were tried, that one last
 */
export async function chooseProvider(
  dataDir: string,
  options: ProbeOptions,
  probe: typeof probeProvider = probeProvider,
  first: readonly ProviderCandidate[] = [],
): Promise<ProviderTest[]> {
  const tests: ProviderTest[] = [];
  for (const candidate of [...first, ...PROVIDER_CANDIDATES]) {
    // What could not even be loaded is not there in another precision either.
    if (tests.some(({ provider, models }) => provider === candidate.provider && models.length === 0)) continue;
    tests.push(await probe(dataDir, candidate, options));
    if (tests.at(-1)!.passed) break;
  }
  return tests;
}
