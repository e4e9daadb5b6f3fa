import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Packages export their sources under this condition, so that tests need no build. */
const resolve = { conditions: ['understudy-source'] };
const ssr = { resolve };
/** Where a global setup is loaded. */
const environments = { __vitest__: { resolve } };

/** Two at least: much of a test is waiting, and the default leaves one core of two unused. */
const MAX_WORKERS = Math.max(2, availableParallelism() - 1);

/** Kinds of test, cheapest first. `./understudy test KIND` runs one of them. */
const kind = (
  name: string,
  include: string[],
  options: {
    timeoutMs: number;
    parallel: boolean;
    /** Files share a process and what they import, instead of each loading the coordinator anew. */
    sharing?: boolean;
    globalSetup?: string;
    faults?: 'every' | 'everyday';
  },
) => ({
  resolve,
  ssr,
  environments,
  test: {
    name,
    include,
    environment: 'node' as const,
    testTimeout: options.timeoutMs,
    hookTimeout: options.timeoutMs,
    maxWorkers: options.parallel ? MAX_WORKERS : 1,
    isolate: options.sharing !== true,
    // How much of the list of faults is gone through; the specs `inject` it.
    provide: { faults: options.faults ?? 'every' },
    ...(options.globalSetup === undefined ? {} : { globalSetup: [options.globalSetup] }),
  },
});

declare module 'vitest' {
  interface ProvidedContext {
    faults: 'every' | 'everyday';
  }
}

export default defineConfig({
  test: {
    projects: [
      kind('unit', ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.{ts,tsx}'], {
        timeoutMs: 60_000,
        parallel: true,
        sharing: true,
      }),
      kind('medium', ['test/medium/**/*.spec.ts'], {
        timeoutMs: 120_000,
        parallel: true,
        sharing: true,
        globalSetup: 'test/medium/global-setup.ts',
      }),
      kind('e2e', ['test/e2e/**/*.spec.ts'], { timeoutMs: 600_000, parallel: true }),
      kind('browser', ['test/browser/**/*.spec.ts'], {
        timeoutMs: 300_000,
        parallel: false,
        // A coordinator without lanes is enough for what people do about accounts.
        globalSetup: 'test/medium/global-setup.ts',
      }),
      kind('fault', ['test/fault/**/*.spec.ts'], { timeoutMs: 600_000, parallel: false, faults: 'every' }),
      kind('soak', ['test/soak/**/*.spec.ts'], { timeoutMs: 3_600_000, parallel: false }),
      // The same specs with each kind of fault once, for the plain run.
      kind('fault-everyday', ['test/fault/**/*.spec.ts'], { timeoutMs: 600_000, parallel: false, faults: 'everyday' }),
    ],
  },
});
