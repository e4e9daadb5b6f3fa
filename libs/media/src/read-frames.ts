import { setTimeout as delay } from 'node:timers/promises';
import { UnderstudyError } from '@understudy/contracts';
import { allocateFrame, type Frame, type FrameSpec } from '@understudy/frame';
import { ByteStream, LineStream } from './byte-stream.js';
import { HandedFiles } from './handed-files.js';
import { framePts, frameSpec } from './plate-info.js';
import { readCommand, type RangeRequest } from './read-command.js';
import { RunningTool } from './run-tool.js';

export interface ReadOptions extends RangeRequest {
  readonly signal?: AbortSignal | undefined;
  /**
   * Where the next frame goes; may wait until a buffer is free, which holds the decoder back. Without it every frame
   * gets fresh memory.
   */
  readonly target?: ((frameNumber: number) => Frame | Promise<Frame>) | undefined;
  /** How long the decoder may take for one frame before it is taken for hung. */
  readonly stallLimitMs?: number | undefined;
}

export interface ReadFrame {
  readonly frame: Frame;
  /** Number of the frame in the plate, in display order from 0. */
  readonly frameNumber: number;
}

const STALL_LIMIT_MS = 120_000;
/** Between the end of a decoder's pipes and its own. */
const END_LIMIT_MS = 2_000;

/** The seek came out behind the wanted frame; the caller starts over from the file's beginning. */
class SeekMissed extends Error {}

/** The spec of the frames that a read with these options yields. */
export function readSpec({ plate, scaleTo }: RangeRequest): FrameSpec {
  return scaleTo ? { ...frameSpec(plate), ...scaleTo } : frameSpec(plate);
}

/**
 * Reads exactly the frames `[startFrame, endFrame)`, in order, upright and in the plate's own samples.
 *
 * Each frame's timestamp is compared with the plate's index before it is handed out. Ends normally only after the last
 * frame; leaving the loop early stops the decoder.
 *
 * @throws RangeError for a range outside the plate; UNREADABLE_MEDIA when a frame is missing or is not the one the
 * index promises (the file changed since it was probed); FFMPEG_FAILED when the decoder was killed, hung, or is not to be had
 * on this host; CANCELLED
 */
export async function* readFrames(options: ReadOptions): AsyncGenerator<ReadFrame, void, undefined> {
  const { plate, startFrame, endFrame } = options;
  if (!(Number.isInteger(startFrame) && Number.isInteger(endFrame) && 0 <= startFrame && startFrame < endFrame)) {
    throw new RangeError(`[${startFrame}, ${endFrame}) is no range of frames`);
  }
  if (endFrame > plate.frameCount) throw new RangeError(`the plate has ${plate.frameCount} frames, not ${endFrame}`);
  try {
    yield* readAttempt(options, true);
  } catch (error) {
    if (!(error instanceof SeekMissed)) throw error;
    yield* readAttempt(options, false);
  }
}

async function* readAttempt(options: ReadOptions, seek: boolean): AsyncGenerator<ReadFrame, void, undefined> {
  const { path, plate, startFrame, endFrame, signal, stallLimitMs = STALL_LIMIT_MS } = options;
  const spec = readSpec(options);
  const target = options.target ?? (() => allocateFrame(spec));
  const files = new HandedFiles();
  const running = new RunningTool({
    tool: 'ffmpeg',
    args: readCommand(options, seek, files),
    sideChannel: true,
    failure: 'UNREADABLE_MEDIA',
    files,
    details: { path },
    signal,
  });
  const bytes = new ByteStream(running.stdout);
  const times = new FrameTimes(new LineStream(running.sideChannel));
  const stall = new StallGuard(running, stallLimitMs);
  try {
    for (let frameNumber = startFrame; frameNumber < endFrame; frameNumber++) {
      const frame = await target(frameNumber);
      const [pts, filled] = await stall.watch(
        async () => [await times.next(), await bytes.fillBuffer(frame.bytes)] as const,
      );
      if (pts !== framePts(plate, frameNumber) || filled !== frame.bytes.byteLength) {
        if (frameNumber === startFrame && seek && !signal?.aborted) throw new SeekMissed();
        const isCutOff = pts === undefined || filled !== frame.bytes.byteLength;
        throw await explain(running, options, frameNumber, stall, isCutOff);
      }
      yield { frame, frameNumber };
    }
    if (!(await bytes.atEnd())) throw await explain(running, options, endFrame, stall, false);
    await running.done();
  } finally {
    await running.kill();
  }
}

/** @param isCutOff the decoder said no more before the range was over: how it ended tells why */
async function explain(
  running: RunningTool,
  { path, signal }: ReadOptions,
  frameNumber: number,
  stall: StallGuard,
  isCutOff: boolean,
): Promise<UnderstudyError> {
  // A process that was killed is seen to have ended a little later than its pipes.
  if (isCutOff && !stall.stalled) await Promise.race([running.ended(), delay(END_LIMIT_MS, undefined, { ref: false })]);
  await running.kill();
  if (signal?.aborted) return running.failure();
  const details = { path, frameNumber, stderr: running.stderrTail };
  if (stall.stalled) {
    return new UnderstudyError('FFMPEG_FAILED', 'the decoder made no progress and was stopped; try again', { details });
  }
  if (isCutOff && saysNothingOfMedia(running)) return running.failure();
  const message = 'the file does not hold the frames it held when it was probed; probe it again';
  return new UnderstudyError('UNREADABLE_MEDIA', message, { details });
}

/** A decoder that was killed, or that this host does not have, leaves the file what it was. */
function saysNothingOfMedia(running: RunningTool): boolean {
  const { code } = running.failure();
  return code === 'FFMPEG_FAILED' || code === 'FFMPEG_MISSING';
}

/** Timestamps as ffmpeg's `metadata=print` writes them: `frame:0    pts:3000    pts_time:0.033`. */
class FrameTimes {
  readonly #lines: LineStream;

  constructor(lines: LineStream) {
    this.#lines = lines;
  }

  async next(): Promise<number | undefined> {
    for (;;) {
      const line = await this.#lines.next();
      if (line === undefined) return undefined;
      const match = /^frame:\d+\s+pts:(-?\d+)/.exec(line);
      if (match) return Number(match[1]);
    }
  }
}

/** Kills a decoder that is silent while somebody waits for it; a consumer's own pauses do not count. */
class StallGuard {
  stalled = false;
  readonly #running: RunningTool;
  readonly #limitMs: number;

  constructor(running: RunningTool, limitMs: number) {
    this.#running = running;
    this.#limitMs = limitMs;
  }

  async watch<T>(work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.stalled = true;
      void this.#running.kill();
    }, this.#limitMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  }
}
