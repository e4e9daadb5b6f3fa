import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { UnderstudyError } from '@understudy/contracts';

import type { Precision } from '../session.js';
import {
  buildLog,
  type EngineCache,
  ENGINE_FILE,
  keepEngine,
  noteFailure,
  partialFolder,
  WRAPPER_FILE,
} from './engine-cache.js';
import { type EngineModel, engineSpec, engineTensors } from './engine-model.js';
import { engineWrapper } from './ep-context.js';
import { trtexecArguments } from './trtexec.js';

export interface EngineBuild {
  readonly cache: Omit<EngineCache, 'digest'>;
  readonly model: EngineModel;
  readonly precision: Precision;
  /** Path of the program. */
  readonly trtexec: string;
  /** Of its process: where drivers and libraries are, and no secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeLimitMs: number;
  readonly signal?: AbortSignal | undefined;
}

const SOURCE_FILE = 'source.onnx';
const TIMINGS_FILE = 'timings';
const LAST_LINES = 3;
const LINE_CHARACTERS = 300;

/**
 * Builds one engine with `trtexec` and keeps it, whole or not at all. What the program said of a build that failed stays in a
 * log, its last lines in the cache's list of failures.
 *
 * @returns the wrapper that a session loads
 * @throws UnderstudyError PROVIDER_UNAVAILABLE naming the model, with the program's last lines; CANCELLED
 */
export async function buildEngine(build: EngineBuild): Promise<string> {
  const { cache, model, precision } = build;
  const spec = engineSpec(model, cache, precision);
  const partial = await partialFolder(cache.folder, spec);
  const log = buildLog(cache.folder, spec);
  await mkdir(dirname(log), { recursive: true });
  try {
    const paths = { onnx: join(partial, SOURCE_FILE), engine: join(partial, ENGINE_FILE) };
    await writeFile(paths.onnx, model.bytes);
    const timingCache = join(cache.folder, TIMINGS_FILE);
    const how = await runTrtexec(build, trtexecArguments(spec, { ...paths, timingCache }), log);
    if (build.signal?.aborted === true) throw new UnderstudyError('CANCELLED', 'The build of an engine was stopped.');
    const bytes = (await stat(paths.engine).catch(() => null))?.size ?? 0;
    if (how !== null || bytes === 0) throw await failed(model, how ?? 'it wrote no engine', log);
    const { computeCapability } = cache;
    const wrapper = engineWrapper({ ...engineTensors(model.bytes), engineFile: ENGINE_FILE, computeCapability });
    await writeFile(join(partial, WRAPPER_FILE), wrapper);
    await rm(paths.onnx);
    const kept = await keepEngine(cache.folder, spec, partial);
    await rm(log, { force: true });
    return kept;
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    if (thrown instanceof UnderstudyError && thrown.code === 'PROVIDER_UNAVAILABLE') {
      const failure = { model: model.name, at: new Date().toISOString(), reason: thrown.message };
      await noteFailure(cache.folder, spec, failure);
    }
    throw thrown;
  }
}

/** @returns how it ended; null where that was well */
async function runTrtexec(
  { trtexec, environment, timeLimitMs, signal }: EngineBuild,
  args: readonly string[],
  logPath: string,
): Promise<string | null> {
  const log = await open(logPath, 'w');
  try {
    // In a group of its own: it starts compilers.
    const child = spawn(trtexec, args, {
      env: { ...environment },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    let timedOut = false;
    const end = () => killGroup(child);
    signal?.addEventListener('abort', end, { once: true });
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, timeLimitMs);
    try {
      return await new Promise<string | null>((resolve) => {
        child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
        child.once('exit', (code, killedBy) => {
          if (timedOut) resolve(`it took more than ${timeLimitMs / 1000} s`);
          else resolve(code === 0 ? null : `it ended with ${killedBy ?? `exit code ${code}`}`);
        });
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      end();
    }
  } finally {
    await log.close();
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone already, and all that it started.
  }
}

async function failed({ name }: EngineModel, how: string, log: string): Promise<UnderstudyError> {
  const lines = (await readFile(log, 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.trim().slice(0, LINE_CHARACTERS))
    .filter((line) => line !== '')
    .slice(-LAST_LINES);
  const said = lines.length === 0 ? '' : `: ${lines.join(' | ')}`;
  return new UnderstudyError('PROVIDER_UNAVAILABLE', `trtexec built no engine of ${name}; ${how}${said}`, {
    details: { model: name, how, lines },
  });
}
