import { UnderstudyError } from '@understudy/contracts';
import { chooseFormat, readColour, type ColourTags } from './colour.js';
import { scanFrames, type FrameScan } from './frame-scan.js';
import { ORIENTATIONS, parseDisplayMatrix, type Orientation } from './orientation.js';
import type { AudioStream, PlateInfo } from './plate-info.js';
import {
  MAX_PIXELS,
  probeFirstFrame,
  probeStill,
  probeStreams,
  type ProbedFile,
  type ProbedStream,
  type ProbeOptions,
} from './probe-streams.js';
import { parseRational, type Rational } from './rational.js';
import { refuseUnlessExact, refuseStillCutOff } from './refuse.js';
import { sniffMedia, type MediaContainer } from './sniff.js';
import { readRate } from './timing.js';

/**
 * Reads everything later steps need to know of a plate, decoding it whole once.
 *
 * What can't be kept frame-exact is refused, with the reason in `details.reason`.
 *
 * @throws EMPTY_MEDIA, NOT_A_VIDEO, PLAYLIST_REFUSED, TRUNCATED_MEDIA, UNREADABLE_MEDIA, UNSUPPORTED_MEDIA,
 * FFMPEG_MISSING, CANCELLED
 */
export async function probePlate(path: string, options: ProbeOptions = {}): Promise<PlateInfo> {
  const { container, bytes } = await sniffMedia(path);
  const isStill = container === 'png' || container === 'jpeg';
  const look = isStill ? lookAtStill : lookAtClip;
  const { file, stream, firstFrame, scan } = await look(path, container, options);
  const sideData = [...stream.side_data_list, ...firstFrame];
  const timeBase = parseRational(stream.time_base) ?? { num: 1, den: 25 };
  const rate = readRate(scan.pts, timeBase, statedRates(stream));
  const video = describeVideo(stream, sideData, path);
  return {
    container,
    bytes,
    isStill,
    frameCount: scan.pts.length,
    durationS: durationOf(scan.pts, timeBase, rate.rate),
    isConstantRate: rate.isConstantRate,
    video: { ...video.fields, rate: rate.rate, timeBase, timecode: timecodeOf(file, stream) },
    frames: rate.frames,
    keyFrames: scan.keyFrames,
    audio: isStill ? [] : audioOf(file, path),
    subtitles: file.streams
      .filter((s) => s.codec_type === 'subtitle')
      .map((s) => ({ streamIndex: s.index, codec: s.codec_name, language: languageOf(s) })),
    chapters: file.chapters.length,
    notCarried: [...video.losses, ...otherStreams(file, stream)],
  };
}

interface Look {
  readonly file: ProbedFile;
  readonly stream: ProbedStream;
  readonly firstFrame: SideData;
  readonly scan: Pick<FrameScan, 'pts' | 'keyFrames'>;
}

async function lookAtStill(path: string, container: MediaContainer, options: ProbeOptions): Promise<Look> {
  try {
    const [{ file, firstFrame }] = await bothOf(
      probeStill(path, container, options),
      options.isKnownWhole === true ? Promise.resolve() : refuseStillCutOff(path, container, options),
    );
    return { file, stream: videoStream(file, path), firstFrame, scan: { pts: [0], keyFrames: [0] } };
  } catch (thrown) {
    // What its header says explains more than a decoder that would not take it.
    videoStream(await probeStreams(path, container, options), path);
    throw thrown;
  }
}

async function lookAtClip(path: string, container: MediaContainer, options: ProbeOptions): Promise<Look> {
  const file = await probeStreams(path, container, options);
  refuseCrowd(file, path);
  const stream = videoStream(file, path);
  const [firstFrame, scan] = await bothOf(
    probeFirstFrame(path, container, stream.index, options),
    scanFrames(path, container, stream.index, options),
  );
  refuseUnlessExact(scan, file, stream, path);
  return { file, stream, firstFrame, scan };
}

/** Each stream costs every later step something, and nobody records so many. */
const MOST_STREAMS = 128;

function refuseCrowd({ streams }: ProbedFile, path: string): void {
  if (streams.length <= MOST_STREAMS) return;
  throw new UnderstudyError('UNSUPPORTED_MEDIA', `the file has more than ${MOST_STREAMS} streams`, {
    details: { path, reason: 'streams', streams: streams.length },
  });
}

/** Two looks at one file at the same time; both have ended when this does. @throws what the second one found, if both failed */
async function bothOf<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [one, other] = await Promise.allSettled([first, second]);
  if (other.status === 'rejected') throw other.reason;
  if (one.status === 'rejected') throw one.reason;
  return [one.value, other.value];
}

function videoStream(file: ProbedFile, path: string): ProbedStream {
  // A cover picture in a sound file is a video stream too.
  const stream = file.streams.find((s) => s.codec_type === 'video' && s.disposition['attached_pic'] !== 1);
  if (!stream) throw new UnderstudyError('NOT_A_VIDEO', 'the file holds no video', { details: { path } });
  const { width = 0, height = 0 } = stream;
  if (width < 16 || height < 16 || width * height > MAX_PIXELS || !stream.pix_fmt) {
    const unreadable = !stream.pix_fmt || width === 0;
    throw new UnderstudyError(
      unreadable ? 'UNREADABLE_MEDIA' : 'UNSUPPORTED_MEDIA',
      unreadable
        ? 'the video could not be decoded; it is damaged'
        : 'the picture size is outside 16x16 to 8192x8192 samples',
      { details: { path, reason: 'size', width, height } },
    );
  }
  return stream;
}

type SideData = ProbedStream['side_data_list'];

function describeVideo(stream: ProbedStream, sideData: SideData, path: string) {
  const orientation = orientationOf(sideData, path);
  const { turned } = ORIENTATIONS[orientation];
  const { width: codedWidth = 0, height: codedHeight = 0, pix_fmt: sourceFormat = '' } = stream;
  const [width, height] = turned ? [codedHeight, codedWidth] : [codedWidth, codedHeight];
  const choice = chooseFormat(sourceFormat, { width, height, turned });
  const tags = tagsOf(stream);
  const { colour, guessed } = readColour(tags, choice.format, sourceFormat, Math.min(width, height));
  const aspect = parseRational(stream.sample_aspect_ratio);
  const fields = {
    streamIndex: stream.index,
    codec: stream.codec_name,
    width,
    height,
    orientation,
    sourceFormat,
    rawFormat: choice.rawFormat,
    format: choice.format,
    converted: choice.converted,
    colour,
    guessed,
    tags,
    sampleAspectRatio: aspect && turned ? { num: aspect.den, den: aspect.num } : aspect,
  };
  return { fields, losses: [...choice.losses, ...lostSideData(sideData)] };
}

function orientationOf(sideData: SideData, path: string): Orientation {
  const matrix = sideData.find((entry) => entry.displaymatrix !== undefined)?.displaymatrix;
  if (matrix === undefined) return 'upright';
  const orientation = parseDisplayMatrix(matrix);
  if (orientation) return orientation;
  throw new UnderstudyError('UNSUPPORTED_MEDIA', 'the picture is turned by an angle that is no quarter turn', {
    details: { path, reason: 'rotation' },
  });
}

/** ffprobe says `unknown`, `unspecified` or nothing for what is not tagged. */
function known(value: string | undefined): string | null {
  return !value || /^(unknown|unspecified|reserved)$/.test(value) ? null : value;
}

function tagsOf(stream: ProbedStream): ColourTags {
  const range = known(stream.color_range);
  return {
    range: range === 'tv' || range === 'pc' ? range : null,
    matrix: known(stream.color_space),
    primaries: known(stream.color_primaries),
    transfer: known(stream.color_transfer),
    chromaLocation: known(stream.chroma_location),
  };
}

function lostSideData(sideData: SideData): string[] {
  const lost = /mastering display|content light|dynamic hdr|dolby vision|icc profile|stereo|spherical/i;
  return [...new Set(sideData.map((entry) => entry.side_data_type).filter((type) => lost.test(type)))];
}

function statedRates(stream: ProbedStream): Rational[] {
  return [parseRational(stream.avg_frame_rate), parseRational(stream.r_frame_rate)].filter((rate) => rate !== null);
}

function durationOf(pts: readonly number[], timeBase: Rational, rate: Rational): number {
  const span = ((pts.at(-1) as number) - (pts[0] as number)) * (timeBase.num / timeBase.den);
  return span + rate.den / rate.num;
}

function timecodeOf(file: ProbedFile, stream: ProbedStream): string | null {
  const tagged = [stream, ...file.streams.filter((s) => s.codec_type === 'data')].map((s) => s.tags['timecode']);
  return [...tagged, file.format.tags['timecode']].find((timecode) => timecode !== undefined) ?? null;
}

function languageOf(stream: ProbedStream): string | null {
  const language = stream.tags['language'];
  return language && language !== 'und' ? language : null;
}

function audioOf(file: ProbedFile, path: string): AudioStream[] {
  return file.streams
    .filter((stream) => stream.codec_type === 'audio')
    .map((stream) => {
      const timeBase = parseRational(stream.time_base);
      const [sampleRate, channels] = [Number(stream.sample_rate ?? 0), stream.channels ?? 0];
      if (!timeBase || sampleRate <= 0 || channels <= 0) {
        throw new UnderstudyError('UNREADABLE_MEDIA', 'a sound track cannot be read; remove it from the plate', {
          details: { path, reason: 'audio', streamIndex: stream.index },
        });
      }
      const { index: streamIndex, codec_name: codec, start_pts: startPts = 0 } = stream;
      return { streamIndex, codec, sampleRate, channels, startPts, timeBase, language: languageOf(stream) };
    });
}

function otherStreams(file: ProbedFile, video: ProbedStream): string[] {
  return file.streams
    .filter((s) => s.index !== video.index && !['audio', 'subtitle'].includes(s.codec_type))
    .filter((s) => s.tags['timecode'] === undefined)
    .map((s) => `${s.codec_type} stream ${s.index} (${s.codec_name})`);
}
