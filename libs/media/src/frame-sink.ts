import { UnderstudyError } from '@understudy/contracts';
import { frameByteLength, type Frame, type FrameSpec } from '@understudy/frame';
import { frameHash } from './frame-hash.js';
import { HandedFiles } from './handed-files.js';
import { PartialFile } from './partial-file.js';
import { RunningTool, throwIfCancelled } from './run-tool.js';

export interface FrameSinkOptions {
  readonly path: string;
  readonly spec: FrameSpec;
  /** ffmpeg's arguments; raw frames come on stdin, the file goes to the path given, handed over as all files are. */
  readonly command: (partialPath: string, files: HandedFiles) => string[];
  readonly signal?: AbortSignal | undefined;
  /** How long the encoder may refuse data before it is taken for hung. */
  readonly stallLimitMs?: number | undefined;
}

const STALL_LIMIT_MS = 300_000;

/** An ffmpeg process fed with frames, and the file it writes: there whole after {@link finish}, or not at all. */
export class FrameSink {
  readonly frameHashes: string[] = [];
  readonly #running: RunningTool;
  readonly #file: PartialFile;
  readonly #options: FrameSinkOptions;
  #broken: Error | undefined;
  #over = false;

  private constructor(file: PartialFile, options: FrameSinkOptions) {
    this.#file = file;
    this.#options = options;
    const files = new HandedFiles();
    this.#running = new RunningTool({
      tool: 'ffmpeg',
      args: options.command(file.partialPath, files),
      stdin: true,
      files,
      details: { path: options.path },
      signal: options.signal,
    });
    this.#running.stdout.resume();
    this.#running.stdin.on('error', (error) => {
      this.#broken ??= error;
    });
  }

  static async open(options: FrameSinkOptions): Promise<FrameSink> {
    throwIfCancelled(options.signal);
    const file = await PartialFile.create(options.path);
    try {
      return new FrameSink(file, options);
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  /** Writes one frame; when it resolves the frame's memory may be used again. */
  async write(frame: Frame): Promise<void> {
    if (this.#over) throw new UnderstudyError('INTERNAL', 'a frame was written after the end');
    if (frame.bytes.byteLength !== frameByteLength(this.#options.spec)) {
      throw new RangeError('the frame is not of the spec the writer was opened with');
    }
    this.frameHashes.push(frameHash(frame.bytes));
    const { stallLimitMs = STALL_LIMIT_MS } = this.#options;
    const timer = setTimeout(() => void this.#running.kill(), stallLimitMs);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#running.stdin.write(frame.bytes, (error) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      this.#broken ??= error instanceof Error ? error : new Error(String(error));
    } finally {
      clearTimeout(timer);
    }
    if (this.#broken) throw await this.abandon();
  }

  /** Ends the stream, waits for the encoder and hands the complete, still hidden file to `check` before it appears. */
  async finish(check: (partialPath: string) => Promise<void>): Promise<void> {
    if (this.#over) throw new UnderstudyError('INTERNAL', 'the writer has already ended');
    if (this.#broken) throw await this.abandon();
    this.#over = true;
    try {
      this.#running.stdin.end();
      await this.#running.done();
      await check(this.#file.partialPath);
    } catch (error) {
      await this.#file.discard();
      throw error;
    }
    await this.#file.commit();
  }

  /** Stops the encoder and leaves nothing behind. Returns the reason, if the encoder had one. */
  async abandon(): Promise<UnderstudyError> {
    this.#over = true;
    // A broken pipe means that the process is ending by itself: its own reason is worth the wait.
    if (this.#broken && !this.#options.signal?.aborted) await this.#running.ended();
    else await this.#running.kill();
    await this.#file.discard();
    return this.#running.failure();
  }
}
