import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isErrorCode, UnderstudyError } from '@understudy/contracts';
import { childEnvironment } from '../config.js';
import { ServiceLog } from './service-log.js';

export interface ServiceOptions {
  readonly name: string;
  /** The built entry file. */
  readonly entry: string;
  /** Beyond those that every process of a farm has. */
  readonly nodeOptions?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** Recognises the log line that says it is ready. */
  readonly isReady: (entry: Record<string, unknown>) => boolean;
  readonly readyTimeoutMs: number;
}

/** A larger nursery: what a request needs is dead before it is looked at, instead of being copied about. */
const NODE_OPTIONS = ['--enable-source-maps', '--max-semi-space-size=32'];

/** A process of the farm. It ends with us, also when we are killed. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  /** The log entry that said it was ready. */
  readonly readyEntry: Record<string, unknown>;
  readonly ended: Promise<number | null>;
  /** Graceful; killed after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/** A process that may not be ready yet. */
export interface StartingService extends Omit<Service, 'readyEntry'> {
  /** @throws UnderstudyError with the code that the process named in its last error line, or INTERNAL. */
  readonly ready: Promise<Record<string, unknown>>;
}

/** Starts a node process that logs JSON lines. */
export function launchService(options: ServiceOptions): StartingService {
  const log = new ServiceLog(options.logPath);
  const { entry, nodeOptions = [] } = options;
  const program = [process.execPath, ...NODE_OPTIONS, ...nodeOptions, entry];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...program], {
    env: { ...childEnvironment(), ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  createInterface({ input: child.stderr }).on('line', (line) => log.write(line));
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      log.end();
      resolve(code);
    });
    child.once('error', () => resolve(null));
  });
  const ready = untilReady(child, log, ended, options);
  // Who does not wait for it hears of the end all the same.
  ready.catch(() => undefined);
  return {
    name: options.name,
    pid: child.pid ?? Number.NaN,
    ready,
    ended,
    stop: (graceMs = 15_000) => stop(child, ended, graceMs),
  };
}

/**
 * Starts a node process that logs JSON lines and waits until it is ready.
 *
 * @throws UnderstudyError with the code that the process named in its last error line, or INTERNAL.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { ready, ...service } = launchService(options);
  return { ...service, readyEntry: await ready };
}

async function untilReady(
  child: ChildProcess,
  log: ServiceLog,
  ended: Promise<number | null>,
  options: ServiceOptions,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new UnderstudyError('INTERNAL', `the ${options.name} did not get ready in ${options.readyTimeoutMs / 1000} s`),
      );
    }, options.readyTimeoutMs);
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        log.write(line);
        const entry = parse(line);
        if (entry === null || !options.isReady(entry)) return;
        clearTimeout(timer);
        resolve(entry);
      });
    }
    void ended.then(() => {
      clearTimeout(timer);
      reject(failureOf(options.name, log.last));
    });
  });
}

/** What a process said last before it ended. */
function failureOf(name: string, lines: readonly string[]): UnderstudyError {
  for (const line of lines.toReversed()) {
    const entry = parse(line);
    const named = /^error ([A-Z_]+): (.*)$/.exec(line);
    const code = entry?.['code'] ?? named?.[1];
    const message = entry?.['message'] ?? entry?.['msg'] ?? named?.[2];
    if (isErrorCode(code)) return new UnderstudyError(code, String(message));
  }
  return new UnderstudyError('INTERNAL', `the ${name} ended while starting: ${lines.at(-1) ?? 'it said nothing'}`);
}

function parse(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
}
