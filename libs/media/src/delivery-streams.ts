import { extname } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import { framePts, type AudioStream, type PlateInfo } from './plate-info.js';
import { leastCommonMultiple } from './rational.js';

export const DELIVERY_CONTAINERS = ['mp4', 'mov', 'mkv'] as const;
export type DeliveryContainer = (typeof DELIVERY_CONTAINERS)[number];

/** The container that a file name's extension asks for. @throws INVALID_REQUEST */
export function deliveryContainer(path: string): DeliveryContainer {
  const extension = extname(path).slice(1).toLowerCase().replace('m4v', 'mp4');
  const container = DELIVERY_CONTAINERS.find((name) => name === extension);
  if (container) return container;
  throw new UnderstudyError('INVALID_REQUEST', 'a clip is delivered as .mp4, .mov or .mkv; name the output so', {
    details: { extension },
  });
}

/** Codecs that each container carries as they are, so that sound passes untouched. */
const COPIED_AUDIO: Readonly<Record<DeliveryContainer, RegExp>> = {
  mp4: /^(aac|mp3|ac3|eac3|alac|opus)$/,
  mov: /^(aac|mp3|ac3|eac3|alac|pcm_(s16|s24|s32|f32|f64)(le|be)|pcm_[us]8)$/,
  mkv: /^/,
};
const TEXT_SUBTITLES = /^(mov_text|subrip|srt|ass|ssa|webvtt|text)$/;

export interface StreamPlan {
  readonly streamIndex: number;
  /** ffmpeg's `copy`, or the encoder used. */
  readonly codec: string;
}

export interface DeliveryPlan {
  readonly audio: readonly StreamPlan[];
  readonly subtitles: readonly StreamPlan[];
  /** What the delivery does not carry, in words. */
  readonly dropped: readonly string[];
}

/** Decides for each stream of the plate beside the picture whether it is copied, coded anew or left out. */
export function planStreams(plate: PlateInfo, container: DeliveryContainer): DeliveryPlan {
  const subtitleCodec = (codec: string): string | null => {
    if (container === 'mkv') return codec === 'mov_text' ? 'srt' : 'copy';
    if (!TEXT_SUBTITLES.test(codec)) return null;
    return codec === 'mov_text' ? 'copy' : 'mov_text';
  };
  const subtitles: StreamPlan[] = [];
  const dropped = [...plate.notCarried];
  for (const { streamIndex, codec } of plate.subtitles) {
    const chosen = subtitleCodec(codec);
    if (chosen) subtitles.push({ streamIndex, codec: chosen });
    else dropped.push(`subtitle stream ${streamIndex} (${codec})`);
  }
  const audio = plate.audio.map(({ streamIndex, codec }) => ({
    streamIndex,
    codec: COPIED_AUDIO[container].test(codec) ? 'copy' : 'aac',
  }));
  return { audio, subtitles, dropped };
}

export function audioStartS(stream: AudioStream): number {
  return (stream.startPts * stream.timeBase.num) / stream.timeBase.den;
}

export function videoStartS(plate: PlateInfo): number {
  const { num, den } = plate.video.timeBase;
  return (framePts(plate, 0) * num) / den;
}

/** Where the delivery's time zero lies in the plate: the start of whatever starts first, picture or sound. */
export function plateStartS(plate: PlateInfo): number {
  return Math.min(videoStartS(plate), ...plate.audio.map(audioStartS));
}

/** A movie clock in which picture and sound offsets are whole ticks; the picture's alone where that is too fine. */
export function movieTimescale(videoTimescale: number, plate: PlateInfo): number {
  const common = plate.audio.reduce((scale, { sampleRate }) => leastCommonMultiple(scale, sampleRate), videoTimescale);
  return common < 2 ** 31 ? common : videoTimescale;
}
