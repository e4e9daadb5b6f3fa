import { once } from 'node:events';
import { UnderstudyError } from '@understudy/contracts';
import type { Frame } from '@understudy/frame';
import { CommandLine } from './command.js';
import type { PlateInfo } from './plate-info.js';
import { stillMarks } from './preview-marks.js';
import { readFrames } from './read-frames.js';
import { RunningTool } from './run-tool.js';
import { rgbConversion } from './still.js';

export interface PngOptions {
  /** ffmpeg's, applied to the RGB picture in turn. */
  readonly filters?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A frame as a PNG file's bytes: RGB by the frame's own matrix and range; 10-bit samples in 16 bits. */
export async function encodePng(frame: Frame, options: PngOptions = {}): Promise<Buffer> {
  const { spec, bytes } = frame;
  const { filters = [], ...rest } = options;
  const args = new CommandLine()
    .rawInput(['-pix_fmt', spec.format, '-video_size', `${spec.width}x${spec.height}`])
    .output('pipe:1', [
      ['-filter:v', [rgbConversion(spec), ...filters].join()],
      '-c:v',
      'png',
      '-fflags',
      '+bitexact',
      '-f',
      'image2pipe',
    ])
    .args();
  const running = new RunningTool({ tool: 'ffmpeg', args, stdin: true, ...rest });
  try {
    const parts: Buffer[] = [];
    running.stdout.on('data', (part: Buffer) => parts.push(part));
    // A failing process closes the pipe; its own reason is told by done().
    running.stdin.on('error', () => undefined).end(bytes);
    await once(running.stdout, 'close');
    await running.done();
    return Buffer.concat(parts);
  } finally {
    await running.kill();
  }
}

export interface StillRequest {
  readonly path: string;
  /** What `probePlate` said of that file. */
  readonly plate: PlateInfo;
  readonly frameNumber: number;
  /** Longest side of the picture in samples; the frame's own size without it. */
  readonly longestSide?: number | undefined;
  /** Whether it says across the picture that it is a preview. */
  readonly marked?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** One frame of a clip as a PNG file's bytes, for thumbnails and comparisons. */
export async function extractStill(request: StillRequest): Promise<Buffer> {
  const { path, plate, frameNumber, longestSide, marked = false, signal } = request;
  const scaleTo = longestSide === undefined ? undefined : fitWithin(plate.video, longestSide);
  const range = { path, plate, startFrame: frameNumber, endFrame: frameNumber + 1, scaleTo, signal };
  for await (const { frame } of readFrames(range)) {
    return await encodePng(frame, { signal, ...(marked ? { filters: stillMarks(frame.spec) } : {}) });
  }
  throw new UnderstudyError('INTERNAL', 'a read ended without its frame');
}

/** The largest even size of the same shape whose longest side is at most `longestSide`; never enlarges. */
export function fitWithin(
  size: { width: number; height: number },
  longestSide: number,
): { width: number; height: number } {
  const factor = Math.min(1, longestSide / Math.max(size.width, size.height));
  const even = (length: number) => Math.max(2, Math.round((length * factor) / 2) * 2);
  return factor === 1
    ? { width: size.width, height: size.height }
    : { width: even(size.width), height: even(size.height) };
}
