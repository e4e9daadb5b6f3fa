import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { UnderstudyError, type ErrorCode } from '@understudy/contracts';
import { mediaTools, type MediaTools } from './config.js';
import { confinedBy, confinement, nextUid } from './confinement.js';
import { failureOf } from './failure.js';
import { HandedFiles, type OpenFiles } from './handed-files.js';

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
  /** The files that the arguments name. A program that is handed none to write cannot write any. */
  readonly files?: HandedFiles;
  /** The code of a failure that no known symptom explains. */
  readonly failure?: ErrorCode;
  readonly details?: Record<string, unknown>;
  readonly tools?: MediaTools;
}

const STDERR_TAIL_BYTES = 8192;
/** Address space of one ffmpeg process: a hostile header must not take the host down. */
const MEMORY_LIMIT_KIB = 8 * 1024 * 1024;
/** Processes and threads of a run that is a user of its own; ffmpeg takes some tens on the largest hosts. */
const THREAD_LIMIT = 512;

/**
 * The shell only sets limits (address space, file size, threads; no core dumps: they would hold frames) and is then
 * replaced by the program. Arguments arrive as positional parameters, so nothing in a name is ever parsed. Threads are
 * `-p` in dash and `-u` in other shells; both count all of a user's, so they are limited for users of one run alone.
 */
const LIMIT_AND_EXEC = [
  'ulimit -c 0; ulimit -v "$0" 2>/dev/null; ulimit -f "$1" 2>/dev/null',
  '[ "$2" = unlimited ] || ulimit -u "$2" 2>/dev/null || ulimit -p "$2" 2>/dev/null',
  'shift 2; exec "$@"',
].join('; ');

/** @throws CANCELLED when the signal is aborted; its reason is the cause. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new UnderstudyError('CANCELLED', 'the work was cancelled', { cause: signal.reason });
}

/** One ffmpeg or ffprobe process. Always end with {@link done} or {@link kill}. */
export class RunningTool {
  readonly #child: ChildProcess;
  readonly #options: ToolOptions;
  readonly #files: OpenFiles;
  readonly #closed: Promise<void>;
  #stderr = '';
  #spawnError: Error | undefined;
  #timedOut = false;

  constructor(options: ToolOptions) {
    throwIfCancelled(options.signal);
    this.#options = options;
    const { files = new HandedFiles(), failure = 'FFMPEG_FAILED' } = options;
    const uid = confinement().hasOwnUser ? nextUid() : null;
    this.#files = files.open(uid, failure);
    try {
      this.#child = start(options, uid, this.#files.descriptors);
    } catch (thrown) {
      this.#files.close();
      throw thrown;
    }
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

  /** The end of stderr. No path is in it: the program was told none. */
  get stderrTail(): string {
    return this.#stderr.trim();
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
        this.#files.close();
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

/** The one place where the programs are started. */
function start(options: ToolOptions, uid: number | null, descriptors: readonly number[]): ChildProcess {
  const { tool, files, stdin, sideChannel } = options;
  const tools = options.tools ?? mediaTools();
  const limits = [
    MEMORY_LIMIT_KIB,
    files?.hasOutput === true ? 'unlimited' : 0,
    uid === null ? 'unlimited' : THREAD_LIMIT,
  ];
  const program = [...confinedBy(confinement(), uid), tools[tool], ...(tool === 'ffmpeg' ? ['-nostdin'] : [])];
  const args = [...limits.map(String), ...program, '-hide_banner', ...options.args.flat()];
  return spawn('/bin/sh', ['-c', LIMIT_AND_EXEC, ...args], {
    cwd: '/',
    env: { PATH: tools.searchPath, LC_ALL: 'C', AV_LOG_FORCE_NOCOLOR: '1' },
    stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', sideChannel ? 'pipe' : 'ignore', ...descriptors],
  });
}

/** Characters that a program says of one file at most: words in a picture of kilobytes unpack to gigabytes. */
const MOST_OUTPUT = 16 * 1024 ** 2;

function tooMuch({ failure = 'UNREADABLE_MEDIA', details }: ToolOptions): UnderstudyError {
  return new UnderstudyError(failure, 'the file describes itself at a length that nobody reads', {
    details: { ...details, reason: 'description', most: MOST_OUTPUT },
  });
}

/** Runs a program to its end and returns its stdout as text; more than 16 MiB of it is a failure. */
export async function toolOutput(options: ToolOptions): Promise<{ stdout: string; stderrTail: string }> {
  const running = new RunningTool(options);
  let stdout = '';
  try {
    for await (const text of running.stdout.setEncoding('utf8')) {
      stdout += String(text);
      if (stdout.length > MOST_OUTPUT) throw tooMuch(options);
    }
  } catch (error) {
    await running.kill();
    throw error;
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
      if (rest.length > MOST_OUTPUT) throw tooMuch(options);
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
