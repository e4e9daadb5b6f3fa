import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { UnderstudyError } from '@understudy/contracts';
import { allocateFrame, type FrameSpec } from '@understudy/frame';
import { ByteStream } from './byte-stream.js';
import { openClipWriter } from './clip-writer.js';
import { CommandLine } from './command.js';
import type { Rational } from './rational.js';
import { RunningTool } from './run-tool.js';

export interface MatteSequence {
  /** PNG files, one a frame, in order; grey, or colour whose green is read. 8 bits, or 16 of which ten are kept. */
  readonly paths: readonly string[];
  readonly width: number;
  readonly height: number;
  /** The plate's. */
  readonly rate: Rational;
  /** A new MP4. */
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
}

/** Frames from one key frame to the next: a shard begins anywhere. */
const KEY_FRAME_EVERY = 24;

/**
 * Packs a sequence of pictures into one lossless clip, as a matte is stored; black, white and 8-bit greys keep their numbers.
 *
 * @throws UNSUPPORTED_MEDIA, MATTE_MISMATCH naming the first picture that is no PNG, of another size or kind, or with alpha;
 * UNREADABLE_MEDIA, CANCELLED
 */
export async function packMatte({ paths, width, height, rate, path, signal }: MatteSequence): Promise<void> {
  const bits = await sampleBits(paths, width, height);
  const format = bits === 8 ? 'gbrp' : 'gbrp10le';
  const spec: FrameSpec = { width, height, format, matrix: 'gbr', range: 'pc' };
  const running = new RunningTool({ tool: 'ffmpeg', args: decodeCommand(format), stdin: true, ...failure, signal });
  const writer = await openClipWriter({
    ...{ path, spec, rate, signal, encoding: { mode: 'lossless' }, keyFrameEvery: KEY_FRAME_EVERY },
  });
  // A failing process closes the pipe; its own reason is told by done().
  pipeline(Readable.from(contentsOf(paths)), running.stdin, () => undefined);
  try {
    const bytes = new ByteStream(running.stdout);
    const frame = allocateFrame(spec);
    for (const picture of paths) {
      if ((await bytes.fillBuffer(frame.bytes)) < frame.bytes.byteLength) throw await unreadable(running, picture);
      await writer.write(frame);
    }
    await running.done();
    await writer.finish();
  } catch (thrown) {
    await writer.abandon();
    throw thrown;
  } finally {
    await running.kill();
  }
}

const failure = { failure: 'UNREADABLE_MEDIA' } as const;

function decodeCommand(format: string): string[] {
  return new CommandLine()
    .input('pipe:0', { demuxer: 'png_pipe', options: ['-framerate', '24'] })
    .output('pipe:1', [
      ['-filter:v', `scale=flags=bicubic+accurate_rnd+full_chroma_int:in_range=full:out_range=full,format=${format}`],
      ['-fps_mode', 'passthrough', '-pix_fmt', format, '-f', 'rawvideo'],
    ])
    .args();
}

async function* contentsOf(paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}

async function unreadable(running: RunningTool, path: string): Promise<UnderstudyError> {
  await running.kill();
  return new UnderstudyError('UNREADABLE_MEDIA', `${path} cannot be decoded; export it again`, {
    details: { path, stderr: running.stderrTail },
  });
}

/** What the first chunk of a PNG says: https://www.w3.org/TR/png-3/#11IHDR */
const HEADER_BYTES = 26;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const WITH_ALPHA = new Set([4, 6]);

/** The bits of every picture's samples: 16, or 8 for those and fewer. */
async function sampleBits(paths: readonly string[], width: number, height: number): Promise<8 | 16> {
  let first: number | undefined;
  for (const path of paths) {
    const header = await headerOf(path);
    const size = `${header.readUInt32BE(16)}x${header.readUInt32BE(20)}`;
    if (size !== `${width}x${height}`) throw mismatch(path, `is ${size} and the plate ${width}x${height}`);
    if (WITH_ALPHA.has(header[25]!)) throw mismatch(path, 'has an alpha channel, which is not read: export it as grey');
    const bits = header[24]! > 8 ? 16 : 8;
    first ??= bits;
    if (bits !== first) throw mismatch(path, `has ${bits} bits and those before it ${first}`);
  }
  return first === 16 ? 16 : 8;
}

async function headerOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    if (bytesRead === HEADER_BYTES && buffer.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return buffer;
  } finally {
    await file.close();
  }
  throw new UnderstudyError('UNSUPPORTED_MEDIA', `${path} is no PNG: a matte is a clip, or a folder of PNG pictures`, {
    details: { path },
  });
}

function mismatch(path: string, why: string): UnderstudyError {
  return new UnderstudyError('MATTE_MISMATCH', `${path} ${why}`, { details: { path } });
}
