import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT_DIR } from '../config.js';

/** What each kept patch takes out, and the test that must fail without it. */
const GuardList = z.array(
  z.object({
    invariant: z.int().min(1).max(10),
    /** What is removed, in words. */
    guard: z.string().min(1),
    patch: z.string().min(1),
    project: z.enum(['unit', 'medium', 'e2e', 'fault']),
    file: z.string().min(1),
    /** The full name of the test. */
    test: z.string().min(1),
  }),
);
export type Guard = z.infer<typeof GuardList>[number];

const JsonReport = z.object({
  testResults: z.array(z.object({ assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })) })),
});

const GUARDS_DIR = 'test/guards';
const COPIED = [
  'apps',
  'libs',
  'prisma',
  'test',
  'package.json',
  'vitest.config.ts',
  'tsconfig.base.json',
  'tsconfig.json',
  'prisma.config.ts',
];

/**
 * For every guard: the named test passes with it and fails without it. Works on a copy of the tree, so nothing here is
 * touched, also when it is interrupted.
 */
export async function runGuards(): Promise<{ passed: number; failed: number; skipped: number }> {
  const guards = GuardList.parse(JSON.parse(await readFile(join(ROOT_DIR, GUARDS_DIR, 'guards.json'), 'utf8')));
  const tally = { passed: 0, failed: 0, skipped: 0 };
  for (const guard of guards) {
    const complaint = await tryGuard(guard);
    if (complaint === null) tally.passed += 1;
    else tally.failed += 1;
    const verdict = complaint === null ? 'its test fails without it' : complaint;
    console.log(`invariant ${guard.invariant}: ${guard.guard}: ${verdict}`);
  }
  return tally;
}

async function tryGuard(guard: Guard): Promise<string | null> {
  const copy = await copyTree();
  try {
    if ((await statusOf(guard, copy)) !== 'passed')
      return `FAULT: "${guard.test}" does not pass with the guard in place`;
    const patched = await run(
      'patch',
      ['-p1', '--forward', '--fuzz=0', '-i', join(ROOT_DIR, GUARDS_DIR, guard.patch)],
      copy,
    );
    if (patched !== 0) return `FAULT: ${guard.patch} no longer applies`;
    const without = await statusOf(guard, copy);
    return without === 'failed' ? null : `FAULT: "${guard.test}" is ${without} without the guard`;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** The sources, beside the same packages; workspace packages lead to the copies. */
async function copyTree(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'understudy-guard-'));
  const filter = (source: string): boolean => !/\/(dist|node_modules)(\/|$)/.test(source.slice(ROOT_DIR.length));
  for (const name of COPIED) await cp(join(ROOT_DIR, name), join(copy, name), { recursive: true, filter });
  const modules = join(copy, 'node_modules');
  await mkdir(join(modules, '@understudy'), { recursive: true });
  for (const name of await readdir(join(ROOT_DIR, 'node_modules'))) {
    if (name !== '@understudy') await symlink(join(ROOT_DIR, 'node_modules', name), join(modules, name));
  }
  for (const floor of ['libs', 'apps']) {
    for (const name of await readdir(join(copy, floor))) {
      await symlink(join(copy, floor, name), join(modules, '@understudy', name));
    }
  }
  // Models and other caches are shared: they are verified at every use.
  await symlink(join(ROOT_DIR, '.understudy'), join(copy, '.understudy')).catch(() => undefined);
  return copy;
}

async function statusOf(guard: Guard, copy: string): Promise<string> {
  const report = join(copy, 'report.json');
  await rm(report, { force: true });
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs');
  const pattern = `^${guard.test.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`;
  await run(
    process.execPath,
    [
      vitest,
      'run',
      '--root',
      copy,
      '--project',
      guard.project,
      guard.file,
      '-t',
      pattern,
      '--reporter=json',
      `--outputFile=${report}`,
    ],
    copy,
  );
  const text = await readFile(report, 'utf8').catch(() => null);
  if (text === null) return 'not run';
  const results = JsonReport.parse(JSON.parse(text)).testResults.flatMap((file) => file.assertionResults);
  return results.find((result) => result.fullName === guard.test)?.status ?? 'not found';
}

async function run(program: string, args: readonly string[], cwd: string): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: 'ignore' });
    child.once('close', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
}
