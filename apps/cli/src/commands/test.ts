import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { ROOT_DIR } from '../config.js';
import { runGuards } from './guards.js';
import type { Tally } from './tally.js';

/** Kinds of tests, cheapest first. */
const VITEST_KINDS = ['unit', 'medium', 'e2e', 'browser', 'fault'] as const;
const KINDS = [...VITEST_KINDS, 'soak', 'guards', 'all'] as const;
/** The project of `vitest.config.ts` that goes through each kind of fault once, instead of the whole list. */
const SHORT_FAULTS = 'fault-everyday';

interface Step {
  readonly kind: Exclude<(typeof KINDS)[number], 'all'>;
  /** Of vitest; absent for the guards. */
  readonly project?: string;
  /** Of vitest, where this process's own says nothing else. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** How often a revocation is timed where everything is run. */
const REVOCATIONS = '50';

/** What a run goes through: everything but the guards, the soak and the long list of faults, one kind, or all there is. */
function stepsOf(kind: (typeof KINDS)[number] | undefined): Step[] {
  if (kind === 'guards') return [{ kind }];
  const every = VITEST_KINDS.map((one): Step => ({ kind: one, project: one }));
  if (kind === 'all') {
    const long = every.map((step) => (step.kind === 'fault' ? { ...step, environment: { REVOCATIONS } } : step));
    return [...long, { kind: 'soak', project: 'soak' }, { kind: 'guards' }];
  }
  if (kind !== undefined) return [{ kind, project: kind }];
  return every.map((step) => (step.kind === 'fault' ? { ...step, project: SHORT_FAULTS } : step));
}

const VitestReport = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

export function addTestCommand(program: Command): void {
  program
    .command('test')
    .description(
      "run the tests: unit, medium (a real Postgres), e2e (real processes), browser, fault (alone or in `all` the whole list of faults, otherwise each kind of fault once); soak watches a lane's memory over 5,000 frames; guards removes each guard and sees its test fail",
    )
    .addArgument(new Argument('[kind]', 'only this kind').choices(KINDS))
    .option('--only <patch>', 'of the guards this one alone')
    .option('--json', 'the counts as the last line of standard output')
    .action(async (kind: (typeof KINDS)[number] | undefined, options: { only?: string; json?: boolean }) => {
      const total: Tally = { passed: 0, failed: 0, skipped: 0, failures: [] };
      for (const { kind: one, project, environment } of stepsOf(kind)) {
        const tally = project === undefined ? await runGuards(options.only) : await runVitest(project, environment);
        console.error(`${one}: ${describe(tally)}`);
        total.passed += tally.passed;
        total.failed += tally.failed;
        total.skipped += tally.skipped;
        total.failures.push(...tally.failures.map((failure) => `${one}: ${failure}`));
      }
      // Where hundreds of lines went by, what failed is said once more at their end.
      for (const failure of total.failures) console.error(`failed ${failure}`);
      console.log(options.json === true ? JSON.stringify(total) : describe(total));
      if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
    });
}

function describe({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

async function runVitest(project: string, environment: Readonly<Record<string, string>> = {}): Promise<Tally> {
  const dir = await mkdtemp(join(tmpdir(), 'understudy-test-'));
  const reportPath = join(dir, 'report.json');
  try {
    const code = await new Promise<number | null>((resolve) => {
      const child = spawn(
        process.execPath,
        [
          join(ROOT_DIR, 'node_modules/vitest/vitest.mjs'),
          'run',
          '--project',
          project,
          '--passWithNoTests',
          '--reporter=default',
          '--reporter=json',
          `--outputFile.json=${reportPath}`,
        ],
        { cwd: ROOT_DIR, stdio: ['ignore', 'inherit', 'inherit'], env: { ...environment, ...process.env } },
      );
      child.once('close', (status) => resolve(status));
    });
    return await readTally(reportPath, code);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function readTally(reportPath: string, exitCode: number | null): Promise<Tally> {
  const text = await readFile(reportPath, 'utf8').catch(() => null);
  // A runner that died before it could report has failed, whatever it ran.
  if (text === null) {
    const died = exitCode === 0 ? [] : [`the runner ended with ${exitCode} before it could report`];
    return { passed: 0, failed: died.length, skipped: 0, failures: died };
  }
  const report = VitestReport.parse(JSON.parse(text));
  const failures = report.testResults.flatMap((file) => {
    const name = relative(ROOT_DIR, file.name);
    // A file that cannot even be loaded fails without a failed test.
    if (file.status === 'failed' && file.assertionResults.length === 0) return [name];
    return file.assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => `${name}: ${test.fullName.trim()}`);
  });
  // Errors outside of tests (an unhandled rejection) fail the run without failing a test.
  if (failures.length === 0 && exitCode !== 0)
    failures.push(`an error outside of the tests; look for "Unhandled" above`);
  return {
    passed: report.numPassedTests,
    failed: failures.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures,
  };
}
