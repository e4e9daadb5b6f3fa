import type { Frame, FrameSpec } from '@understudy/frame';
import type { ColourTags } from './colour.js';
import { CommandLine } from './command.js';
import { mp4Options, rawInputOptions, videoEncodingOptions, type Encoding } from './encoding.js';
import { FrameSink } from './frame-sink.js';
import type { HandedFiles } from './handed-files.js';
import type { Rational } from './rational.js';
import { deliveryClock } from './timing.js';

export interface ClipWriterOptions {
  readonly path: string;
  readonly spec: FrameSpec;
  readonly rate: Rational;
  readonly encoding: Encoding;
  /** Colour tags to write; without them those that follow from the spec's matrix and range. */
  readonly tags?: ColourTags | undefined;
  /** A WAV file to carry as the clip's sound, coded as AAC. */
  readonly wavPath?: string | undefined;
  /** Most frames from one key frame to the next; without it x264's own choice (250). */
  readonly keyFrameEvery?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ClipWriter {
  write(frame: Frame): Promise<void>;
  /** Ends the clip. Only now is there a file at the path. */
  finish(): Promise<{ frames: number }>;
  abandon(): Promise<void>;
}

/** Opens a new MP4 for drawn frames, with sound if there is any; the same frames give the same bytes. */
export async function openClipWriter(options: ClipWriterOptions): Promise<ClipWriter> {
  const { path, spec, signal } = options;
  const sink = await FrameSink.open({
    path,
    spec,
    signal,
    command: (partialPath, files) => clipCommand(options, partialPath, files),
  });
  return {
    write: (frame) => sink.write(frame),
    async finish() {
      await sink.finish(async () => undefined);
      return { frames: sink.frameHashes.length };
    },
    async abandon() {
      await sink.abandon();
    },
  };
}

function clipCommand(options: ClipWriterOptions, partialPath: string, files: HandedFiles): string[] {
  const { spec, rate, encoding, wavPath, keyFrameEvery } = options;
  const tags = options.tags ?? tagsOfSpec(spec);
  const { timescale } = deliveryClock({ rate, timeBase: { num: 1, den: rate.num } });
  const shape = { spec, rate, timescale, tags, sampleAspectRatio: { num: 1, den: 1 }, inOrder: false };
  const command = new CommandLine().rawInput(rawInputOptions(spec, rate));
  if (wavPath !== undefined) command.input(files.read(wavPath), { demuxer: 'wav' });
  const sound = wavPath === undefined ? [] : ['-map', '1:a:0', '-c:a', 'aac', '-b:a', '160k', '-flags:a', '+bitexact'];
  const keys = keyFrameEvery === undefined ? [] : ['-g', String(keyFrameEvery)];
  const video = ['-map', '0:v:0', ...videoEncodingOptions(shape, encoding), ...keys];
  return ['-y', ...command.output(files.write(partialPath), [...video, ...sound, ...mp4Options(timescale)]).args()];
}

function tagsOfSpec(spec: FrameSpec): ColourTags {
  const { matrix, range } = spec;
  const named = { bt709: 'bt709', bt601: 'smpte170m', bt2020nc: 'bt2020nc', gbr: 'gbr' }[matrix];
  const primaries = matrix === 'bt601' ? 'smpte170m' : matrix === 'bt2020nc' ? 'bt2020' : 'bt709';
  const transfer = matrix === 'bt601' ? 'smpte170m' : matrix === 'gbr' ? 'iec61966-2-1' : 'bt709';
  return { range, matrix: named, primaries, transfer, chromaLocation: null };
}
