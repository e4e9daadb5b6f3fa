import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { UnderstudyError, type ErrorCode } from '@understudy/contracts';
import { mediaTools, type MediaTools } from './config.js';
import { failureOf } from './failure.js';

/** Arguments, an option and its value kept together as a pair where that reads better. */
export type ArgumentList = readonly (string | readonly string[])[];

export interface ToolOptions {
  readonly tool: 'ffmpeg' | 'ffprobe';
  readonly args: ArgumentList;
  readonly signal?: AbortSignal | undefined;
  /** A writable pipe on the child's stdin; without it stdin is closed. */
  readonly stdin?: boolean;
  /** A second readable pipe, the child's descriptor 3. */
  readonly sideChannel?: boolean;
  /** Wall-clock limit of the whole run. */
  readonly timeLimitMs?: number;
  /** Paths that must not stay in stderr's tail. */
  readonly redact?: readonly string[];
  /** The code of a failure that no known symptom explains. */
  readonly failure?: ErrorCode;
  readonly details?: Record<string, unknown>;
  readonly tools?: MediaTools;
}

const STDERR_TAIL_BYTES = 8192;
/** Address space of one ffmpeg process: a hostile header must not take the host down. */
const MEMORY_LIMIT_KIB = 8 * 1024 * 1024;

/**
 * The shell only sets limits (address space, no core dumps: they would hold frames) and is then replaced by the
 * program. Arguments arrive as positional parameters, so nothing in a name is ever parsed.
 */
const LIMIT_AND_EXEC = 'ulimit -c 0; ulimit -v "$0" 2>/dev/null; exec "$@"';

/** @throws CANCELLED when the signal is aborted; its reason is the cause. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new UnderstudyError('CANCELLED', 'the work was cancelled', { cause: signal.reason });
}

/** One ffmpeg or ffprobe process. Always end with {@link done} or {@link kill}. */
export class RunningTool {
  readonly #child: ChildProcess;
  readonly #options: ToolOptions;
  readonly #closed: Promise<void>;
  #stderr = '';
  #spawnError: Error | undefined;
  #timedOut = false;

  constructor(options: ToolOptions) {
    throwIfCancelled(options.signal);
    this.#options = options;
    const tools = options.tools ?? mediaTools();
    const args =
      options.tool === 'ffmpeg'
        ? ['-nostdin', '-hide_banner', ...options.args.flat()]
        : ['-hide_banner', ...options.args.flat()];
    this.#child = spawn('/bin/sh', ['-c', LIMIT_AND_EXEC, String(MEMORY_LIMIT_KIB), tools[options.tool], ...args], {
      env: { PATH: tools.searchPath, LC_ALL: 'C', AV_LOG_FORCE_NOCOLOR: '1' },
      stdio: [options.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', options.sideChannel ? 'pipe' : 'ignore'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL_BYTES);
    });
    this.#closed = this.#watch();
  }

  get stdout(): Readable {
    return this.#child.stdout as Readable;
  }

  get stdin(): Writable {
    return this.#child.stdin as Writable;
  }

  get sideChannel(): Readable {
    return this.#child.stdio[3] as Readable;
  }

  /** The end of stderr, with the given paths redacted. */
  get stderrTail(): string {
    return (this.#options.redact ?? []).reduce((text, path) => text.replaceAll(path, '<media>'), this.#stderr.trim());
  }

  /** Waits for the process to end. @throws the failure as an {@link UnderstudyError}, CANCELLED when aborted. */
  async done(): Promise<void> {
    await this.#closed;
    const { exitCode } = this.#child;
    if (exitCode === 0 && !this.#spawnError) return;
    throw this.failure();
  }

  /** Waits for the end, whatever it was. */
  async ended(): Promise<void> {
    await this.#closed;
  }

  /** The error that explains why this process ended. */
  failure(): UnderstudyError {
    const { tool, signal, failure = 'FFMPEG_FAILED', details = {} } = this.#options;
    if (signal?.aborted) return new UnderstudyError('CANCELLED', 'the work was cancelled', { cause: signal.reason });
    if (this.#timedOut) {
      return new UnderstudyError(failure, `${tool} took too long and was stopped`, {
        details: { ...details, tool, stderr: this.stderrTail },
      });
    }
    if (this.#spawnError) {
      return new UnderstudyError('FFMPEG_FAILED', `${tool} could not be started`, { cause: this.#spawnError });
    }
    const { exitCode, signalCode } = this.#child;
    return failureOf({ tool, exitCode, killedBy: signalCode, stderrTail: this.stderrTail }, failure, details);
  }

  /** Kills the process if it still runs and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #watch(): Promise<void> {
    const stop = () => this.#child.kill('SIGKILL');
    const { signal, timeLimitMs } = this.#options;
    signal?.addEventListener('abort', stop, { once: true });
    const timer =
      timeLimitMs === undefined
        ? undefined
        : setTimeout(() => {
            this.#timedOut = true;
            stop();
          }, timeLimitMs);
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      this.#child.once('error', (error) => {
        this.#spawnError = error;
        settle();
      });
      // Not the child's own 'close': a consumer that stopped reading stdout must not keep us waiting. stderr always
      // flows, so its end is the end of what there is to say.
      const exited = new Promise((resolve) => this.#child.once('exit', resolve));
      const said = new Promise((resolve) => this.#child.stderr?.once('close', resolve));
      Promise.all([exited, said]).then(settle, settle);
    });
  }
}

/** Runs a program to its end and returns its stdout as text; for outputs of bounded size. */
export async function toolOutput(options: ToolOptions): Promise<{ stdout: string; stderrTail: string }> {
  const running = new RunningTool(options);
  let stdout = '';
  try {
    for await (const text of running.stdout.setEncoding('utf8')) stdout += String(text);
  } finally {
    if (options.signal?.aborted) await running.kill();
  }
  await running.done();
  return { stdout, stderrTail: running.stderrTail };
}

/** Runs a program to its end, handing each line of its stdout to `onLine` as it comes. */
export async function eachOutputLine(
  options: ToolOptions,
  onLine: (line: string) => void,
): Promise<{ stderrTail: string }> {
  const running = new RunningTool(options);
  let rest = '';
  try {
    for await (const text of running.stdout.setEncoding('utf8')) {
      const lines = (rest + String(text)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    }
    if (rest !== '') onLine(rest);
    await running.done();
  } catch (error) {
    await running.kill();
    throw options.signal?.aborted ? running.failure() : error;
  }
  return { stderrTail: running.stderrTail };
}
