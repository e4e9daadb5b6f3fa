import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import { z } from 'zod';
import { ROOT_DIR } from '../config.js';
import type { Tally } from './tally.js';

const PROJECTS = ['unit', 'medium', 'e2e', 'fault'] as const;

/** What each kept patch takes out, and the test that must fail without it. */
const GuardList = z.array(
  z.object({
    invariant: z.int().min(1).max(10),
    /** What is removed, in words. */
    guard: z.string().min(1),
    patch: z.string().min(1),
    project: z.enum(PROJECTS),
    file: z.string().min(1),
    /** The full name of the test. */
    test: z.string().min(1),
    /** Part of what the test says then: it must fail for the guard's sake, not because the patch broke something. */
    fails: z.string().min(1),
  }),
);
export type Guard = z.infer<typeof GuardList>[number];

const JsonReport = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

interface Outcome {
  readonly status: string;
  readonly messages: string;
}

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
 *
 * @param only the name of one patch, with or without its number and ending; all of them without it
 */
export async function runGuards(only?: string): Promise<Tally> {
  const all = GuardList.parse(JSON.parse(await readFile(join(ROOT_DIR, GUARDS_DIR, 'guards.json'), 'utf8')));
  const guards = only === undefined ? all : all.filter(({ patch }) => namesOf(patch).includes(only));
  if (guards.length === 0) throw new UnderstudyError('USAGE', `There is no guard ${only ?? 'at all'}.`);
  const tally: Tally = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const copy = await copyTree();
  try {
    const intact = new Map<string, string>();
    for (const project of PROJECTS) {
      const tests = guards.filter((guard) => guard.project === project);
      if (tests.length === 0) continue;
      for (const [name, { status }] of await outcomes(tests, copy)) intact.set(name, status);
    }
    for (const guard of guards) {
      const status = intact.get(guard.test) ?? 'not found';
      const complaint =
        status === 'passed' ? await tryWithout(guard, copy) : `"${guard.test}" is ${status} with the guard in place`;
      tally[complaint === null ? 'passed' : 'failed'] += 1;
      if (complaint !== null) tally.failures.push(`${guard.patch}: ${complaint}`);
      const verdict = complaint === null ? 'its test fails without it' : `FAULT: ${complaint}`;
      console.log(`invariant ${guard.invariant}: ${guard.guard}: ${verdict}`);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  return tally;
}

function namesOf(patch: string): string[] {
  const plain = patch.replace(/\.patch$/, '');
  return [patch, plain, plain.replace(/^\d+-/, '')];
}

/** @returns what is wrong; null when the test fails without the guard, and for its sake */
async function tryWithout(guard: Guard, copy: string): Promise<string | null> {
  if (!(await applied(guard, copy, '--forward'))) return `${guard.patch} no longer applies`;
  const without = (await outcomes([guard], copy)).get(guard.test) ?? { status: 'not found', messages: '' };
  if (!(await applied(guard, copy, '--reverse'))) throw new Error(`${guard.patch} cannot be taken back`);
  if (without.status !== 'failed') return `"${guard.test}" is ${without.status} without the guard`;
  if (without.messages.includes(guard.fails)) return null;
  return `"${guard.test}" fails without the guard, but says: ${without.messages.slice(0, 500)}`;
}

async function applied({ patch }: Guard, copy: string, direction: '--forward' | '--reverse'): Promise<boolean> {
  const file = join(ROOT_DIR, GUARDS_DIR, patch);
  return (await run('patch', ['-p1', direction, '--fuzz=0', '--no-backup-if-mismatch', '-i', file], copy)).code === 0;
}

function isSource(path: string): boolean {
  return !/\/(dist|node_modules)(\/|$)/.test(path.slice(ROOT_DIR.length));
}

/** The sources, beside the same packages; workspace packages lead to the copies. */
async function copyTree(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'understudy-guard-'));
  for (const name of COPIED) await cp(join(ROOT_DIR, name), join(copy, name), { recursive: true, filter: isSource });
  const modules = join(copy, 'node_modules');
  await mkdir(join(modules, '@understudy'), { recursive: true });
  for (const name of await readdir(join(ROOT_DIR, 'node_modules'))) {
    // Dotted folders are caches, which a test of a changed tree must not write to; but for the tools.
    if (name === '@understudy' || (name.startsWith('.') && name !== '.bin')) continue;
    await symlink(join(ROOT_DIR, 'node_modules', name), join(modules, name));
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

/** Runs the named tests of guards of one project. */
async function outcomes(guards: readonly Guard[], copy: string): Promise<Map<string, Outcome>> {
  const report = join(copy, 'report.json');
  await rm(report, { force: true });
  const names = guards.map(({ test }) => test.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const files = [...new Set(guards.map(({ file }) => file))];
  const args = ['run', '--root', copy, '--project', guards[0]!.project, ...files, '-t', `^(${names.join('|')})$`];
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs');
  const { tail } = await run(process.execPath, [vitest, ...args, '--reporter=json', `--outputFile=${report}`], copy);
  const text = await readFile(report, 'utf8').catch(() => null);
  if (text === null) throw new Error(`vitest ended without a report; its last words: ${tail}`);
  const results = JsonReport.parse(JSON.parse(text)).testResults.flatMap((file) => file.assertionResults);
  return new Map(
    results.map(({ fullName, status, failureMessages }) => [
      fullName,
      { status, messages: (failureMessages ?? []).join('\n') },
    ]),
  );
}

const TAIL_CHARACTERS = 2_000;

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ code: number | null; tail: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let tail = '';
    const keep = (chunk: Buffer): void => void (tail = (tail + chunk.toString()).slice(-TAIL_CHARACTERS));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('close', (code) => resolve({ code, tail }));
    child.once('error', reject);
  });
}
