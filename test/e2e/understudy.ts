import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
const CLI = join(ROOT, 'apps/cli/dist/main.js');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of standard output, parsed; what `--json` promises. */
  json<T>(): T;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when standard error has said something that matches. */
  said(pattern: RegExp): Promise<void>;
}

/** Starts the built command line as a person would, in a process of its own. */
export function start(args: readonly string[], options: { env?: Record<string, string>; cwd?: string } = {}): Running {
  if (!existsSync(CLI)) throw new Error('the command line is not built; run ./understudy --version first');
  const child = spawn(process.execPath, ['--enable-source-maps', CLI, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    for (const listener of listeners) listener();
  });
  const finished = new Promise<Finished>((resolve) => {
    child.once('close', (code) =>
      resolve({ code, stdout, stderr, json: <T>() => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T }),
    );
  });
  const said = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(stderr)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
      void finished.then(() => reject(new Error(`it ended without saying ${pattern}:\n${stderr}`)));
    });
  return { child, finished, said };
}

/** Runs a command to its end. */
export async function understudy(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Finished> {
  return start(args, options).finished;
}

/** A folder for one test; gone after it. */
export async function withFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'understudy-e2e-'));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A folder for all tests of a file; who makes it removes it. */
export async function makeFolder(): Promise<{ dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'understudy-e2e-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
