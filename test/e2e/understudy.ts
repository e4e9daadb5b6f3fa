import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

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
  /** Resolves when standard output has printed something that matches, with the match. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts the built command line as a person would, in a process of its own. */
export function start(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; input?: string } = {},
): Running {
  if (!existsSync(CLI)) throw new Error('the command line is not built; run ./understudy --version first');
  const child = spawn(process.execPath, ['--enable-source-maps', CLI, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(options.input);
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const listen = (stream: Readable | null, keep: (text: string) => void): void => {
    stream?.on('data', (chunk: Buffer) => {
      keep(chunk.toString());
      for (const listener of listeners) listener();
    });
  };
  listen(child.stdout, (text) => (stdout += text));
  listen(child.stderr, (text) => (stderr += text));
  const finished = new Promise<Finished>((resolve) => {
    child.once('close', (code) =>
      resolve({ code, stdout, stderr, json: <T>() => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T }),
    );
  });
  const untilMatch = (textSoFar: () => string, pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(textSoFar());
        if (match === null) return;
        listeners.delete(look);
        resolve(match);
      };
      listeners.add(look);
      look();
      void finished.then(() => reject(new Error(`it ended without saying ${pattern}:\n${stderr}`)));
    });
  const said = async (pattern: RegExp): Promise<void> => void (await untilMatch(() => stderr, pattern));
  const printed = (pattern: RegExp): Promise<RegExpExecArray> => untilMatch(() => stdout, pattern);
  return { child, finished, said, printed };
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
