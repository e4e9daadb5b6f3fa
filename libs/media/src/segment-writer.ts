import { stat } from 'node:fs/promises';
import type { Frame } from '@understudy/frame';
import { CommandLine } from './command.js';
import { mp4Options, rawInputOptions, videoEncodingOptions, type Encoding, type StreamShape } from './encoding.js';
import { FrameSink, type FrameSinkOptions } from './frame-sink.js';
import { frameSpec, type PlateInfo } from './plate-info.js';
import { sha256File } from './sha256-file.js';
import { deliveryClock } from './timing.js';
import { verifySegment } from './verify-segment.js';

export interface SegmentResult {
  readonly frames: number;
  readonly bytes: number;
  /** Of the file, hex. */
  readonly sha256: string;
  /** Of each frame as it was handed in; in lossless mode the segment decodes to frames of the same hashes. */
  readonly frameHashes: readonly string[];
}

export interface SegmentWriter {
  /** Writes the next frame; when it resolves the frame's memory may be used again. */
  write(frame: Frame): Promise<void>;
  /** Ends the segment. Only now is there a file at the path. */
  finish(): Promise<SegmentResult>;
  /** Stops and leaves nothing behind. */
  abandon(): Promise<void>;
}

export interface SegmentWriterOptions {
  readonly path: string;
  readonly plate: PlateInfo;
  readonly encoding: Encoding;
  readonly signal?: AbortSignal | undefined;
}

/** The plate's shape as its segments have it: same samples, tags, aspect and rate, on a clock that divides evenly. */
export function segmentShape(plate: PlateInfo): StreamShape {
  const { rate, tags, sampleAspectRatio } = plate.video;
  const { timescale } = deliveryClock(plate.video);
  return { spec: frameSpec(plate), rate, timescale, tags, sampleAspectRatio, inOrder: !plate.isConstantRate };
}

/**
 * Opens a segment: H.264 in MP4, closed GOPs, an IDR picture first, the plate's tags, timestamps from zero at the plate's
 * nominal rate. The same frames and settings give the same bytes.
 *
 * A still's segment is always lossless: its quality is decided once, when the picture is written.
 *
 * @throws (from `write` and `finish`) DISK_FULL, OUTPUT_UNWRITABLE, FFMPEG_FAILED, SEGMENT_INVALID, CANCELLED
 */
export async function openSegmentWriter(options: SegmentWriterOptions): Promise<SegmentWriter> {
  const { path, plate, signal } = options;
  const shape = segmentShape(plate);
  const encoding: Encoding = plate.isStill ? { mode: 'lossless' } : options.encoding;
  const sink = await FrameSink.open({ path, spec: shape.spec, signal, command: encodeCommand(shape, encoding) });
  return {
    write: (frame) => sink.write(frame),
    async finish() {
      const { frameHashes } = sink;
      let sha256 = '';
      await sink.finish(async (partialPath) => {
        await verifySegment(partialPath, { plate, frames: frameHashes.length, signal });
        sha256 = await sha256File(partialPath);
      });
      return { frames: frameHashes.length, bytes: (await stat(path)).size, sha256, frameHashes };
    },
    async abandon() {
      await sink.abandon();
    },
  };
}

function encodeCommand(shape: StreamShape, encoding: Encoding): FrameSinkOptions['command'] {
  return (partialPath, files) => [
    '-y',
    ...new CommandLine()
      .rawInput(rawInputOptions(shape.spec, shape.rate))
      .output(files.write(partialPath), [...videoEncodingOptions(shape, encoding), ...mp4Options(shape.timescale)])
      .args(),
  ];
}
