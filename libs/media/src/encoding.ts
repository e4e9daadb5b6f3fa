import type { FrameSpec } from '@understudy/frame';
import { FORMAT_LAYOUTS } from '@understudy/frame';
import { z } from 'zod';
import type { ColourTags } from './colour.js';
import type { Rational } from './rational.js';

export const encodingSchema = z.discriminatedUnion('mode', [
  /** Decodes to the very samples that were written. */
  z.object({ mode: z.literal('lossless'), preset: z.string().optional() }),
  z.object({
    mode: z.literal('delivery'),
    /** x264's constant rate factor: 0-51, lower is better; 16 is visually lossless for most material. */
    crf: z.number().min(0).max(51),
    /** x264's; `veryfast` without one: 0.5 to 1 dB below `medium` at the same factor, at a third of its time. */
    preset: z.string().optional(),
  }),
]);
export type Encoding = z.infer<typeof encodingSchema>;

export interface StreamShape {
  readonly spec: FrameSpec;
  readonly rate: Rational;
  /** Ticks per second of the track. */
  readonly timescale: number;
  readonly tags: ColourTags;
  readonly sampleAspectRatio: Rational | null;
  /** Frames shown in the order they are coded, so that a join may give each its own duration. */
  readonly inOrder: boolean;
}

/** The same number everywhere: x264's bits depend on how many threads share the work. */
const ENCODER_THREADS = 2;
const B_FRAMES = 2;

/**
 * x264's settings for one segment or clip.
 *
 * Colour and range go to x264 itself, never to ffmpeg: told of a range, newer ffmpeg converts the samples to it.
 * RGB is coded as its three planes G, B, R under the matrix tag `GBR`, which decodes to `gbrp` bit for bit.
 * `stitchable` keeps the stream's headers independent of its content, so that segments join.
 */
export function videoEncodingOptions(shape: StreamShape, encoding: Encoding): string[] {
  const params = [
    ['stitchable=1', 'open-gop=0', 'sliced-threads=0', `threads=${ENCODER_THREADS}`, 'lookahead-threads=1'],
    ...(shape.inOrder ? ['bframes=0'] : [`bframes=${B_FRAMES}`, 'b-pyramid=normal']),
    ...tagParams(shape),
  ].flat();
  const quality =
    encoding.mode === 'lossless'
      ? ['-preset', encoding.preset ?? 'ultrafast', '-qp', '0']
      : ['-preset', encoding.preset ?? 'veryfast', '-crf', String(encoding.crf)];
  // Not among x264's parameters: ffmpeg then reconfigures x264 at every frame, and lossless is no longer.
  const aspect = shape.sampleAspectRatio;
  // Without a larger maximum the filter rounds the ratio to numbers up to 100.
  const aspectFilter = aspect ? ['-filter:v', `setsar=sar=${aspect.num}/${aspect.den}:max=65535`] : [];
  return [...aspectFilter, '-c:v', 'libx264', ...quality, '-x264-params', params.join(':')];
}

function tagParams({ spec, tags }: StreamShape): string[] {
  const rgb = spec.format.startsWith('gbr');
  const params: string[] = [];
  const matrix = rgb ? 'GBR' : tags.matrix;
  if (matrix !== null) params.push(`colormatrix=${matrix}`);
  if (tags.primaries !== null) params.push(`colorprim=${tags.primaries}`);
  if (tags.transfer !== null) params.push(`transfer=${tags.transfer}`);
  const range = rgb ? 'pc' : spec.range === 'pc' ? 'pc' : tags.range;
  if (range !== null) params.push(`fullrange=${range === 'pc' ? 'on' : 'off'}`);
  const chroma = CHROMA_LOCATIONS.indexOf(tags.chromaLocation ?? '');
  if (chroma > 0 && spec.format.startsWith('yuv420')) params.push(`chromaloc=${chroma}`);
  return params;
}

/** In the order of H.264's `chroma_sample_loc_type`. */
const CHROMA_LOCATIONS = ['left', 'center', 'topleft', 'top', 'bottomleft', 'bottom'];

/** How ffmpeg is told to read our raw frames: RGB planes pass as 4:4:4 planes of unnamed colour. */
export function rawInputOptions(spec: FrameSpec, rate: Rational): string[] {
  const { bits, model } = FORMAT_LAYOUTS[spec.format];
  const format = model === 'gbr' ? (bits === 8 ? 'yuv444p' : 'yuv444p10le') : spec.format;
  return ['-pix_fmt', format, '-video_size', `${spec.width}x${spec.height}`, '-framerate', `${rate.num}/${rate.den}`];
}

/** MP4 without dates, versions or a coarse movie clock: the same frames give the same bytes. */
export function mp4Options(timescale: number): string[] {
  return [
    ['-map_metadata', '-1', '-fflags', '+bitexact', '-flags:v', '+bitexact'],
    ['-video_track_timescale', String(timescale), '-movie_timescale', String(timescale), '-f', 'mp4'],
  ].flat();
}
