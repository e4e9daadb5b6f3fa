import { z } from 'zod';
import { PIXEL_FORMATS, type FrameSpec } from '@understudy/frame';
import { colourTagsSchema } from './colour.js';
import { ORIENTATION_NAMES } from './orientation.js';
import { rationalSchema } from './rational.js';
import { MEDIA_CONTAINERS } from './sniff.js';

/** Timestamps of all frames in display order, in ticks of the video's time base. */
export const frameTimesSchema = z.discriminatedUnion('kind', [
  /** Frame n is at `firstPts + n * ticksPerFrame`. */
  z.object({ kind: z.literal('constant'), firstPts: z.int(), ticksPerFrame: z.int().positive() }),
  z.object({ kind: z.literal('listed'), pts: z.array(z.int()) }),
]);

export const audioStreamSchema = z.object({
  streamIndex: z.int(),
  codec: z.string(),
  sampleRate: z.int().positive(),
  channels: z.int().positive(),
  startPts: z.int(),
  timeBase: rationalSchema,
  language: z.string().nullable(),
});
export type AudioStream = z.infer<typeof audioStreamSchema>;

export const plateVideoSchema = z.object({
  streamIndex: z.int(),
  codec: z.string(),
  /** Of the upright frames, in samples. */
  width: z.int().positive(),
  height: z.int().positive(),
  orientation: z.enum(ORIENTATION_NAMES),
  /** ffmpeg's name of the decoder's format, of the raw frames the reader asks for, and ours. */
  sourceFormat: z.string(),
  rawFormat: z.string(),
  format: z.enum(PIXEL_FORMATS),
  converted: z.boolean(),
  colour: z.object({ matrix: z.enum(['bt709', 'bt601', 'bt2020nc', 'gbr']), range: z.enum(['tv', 'pc']) }),
  guessed: z.array(z.enum(['matrix', 'range'])),
  tags: colourTagsSchema,
  /** Of the upright frames; null where the file says nothing. */
  sampleAspectRatio: rationalSchema.nullable(),
  /** Frames per second; the nominal rate where the rate varies. */
  rate: rationalSchema,
  timeBase: rationalSchema,
  timecode: z.string().nullable(),
});

/** Everything later steps need to know of a plate: plain JSON, made once by `probePlate`. */
export const plateInfoSchema = z.object({
  container: z.enum(MEDIA_CONTAINERS),
  bytes: z.int().positive(),
  isStill: z.boolean(),
  frameCount: z.int().positive(),
  durationS: z.number(),
  /** False where frame durations truly vary, beyond the rounding of the container's clock. */
  isConstantRate: z.boolean(),
  video: plateVideoSchema,
  frames: frameTimesSchema,
  /** Numbers of the frames where decoding can start, ascending. */
  keyFrames: z.array(z.int()),
  audio: z.array(audioStreamSchema),
  subtitles: z.array(z.object({ streamIndex: z.int(), codec: z.string(), language: z.string().nullable() })),
  chapters: z.int(),
  /** What the plate holds that a delivery can't carry, in words: alpha, data streams, HDR mastering data ... */
  notCarried: z.array(z.string()),
});
export type PlateInfo = z.infer<typeof plateInfoSchema>;

/** The spec of the frames that `readFrames` yields for this plate. */
export function frameSpec(plate: PlateInfo): FrameSpec {
  const { width, height, format, colour } = plate.video;
  return { width, height, format, ...colour };
}

/** Timestamp of a frame, in ticks of the plate's time base. */
export function framePts(plate: PlateInfo, frameNumber: number): number {
  const { frames } = plate;
  if (frameNumber < 0 || frameNumber >= plate.frameCount) throw new RangeError(`no frame ${frameNumber}`);
  return frames.kind === 'constant'
    ? frames.firstPts + frameNumber * frames.ticksPerFrame
    : (frames.pts[frameNumber] as number);
}

/**
 * The key frame from which decoding reaches `frameNumber`: the last one at or before it in display order. Frames of an
 * open GOP that lean on the GOP before them are displayed before their key frame, so they fall to the earlier one.
 * Null when decoding has to start at the file's beginning.
 */
export function keyFrameBefore(plate: PlateInfo, frameNumber: number): number | null {
  let [low, high] = [0, plate.keyFrames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((plate.keyFrames[middle] as number) <= frameNumber) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : (plate.keyFrames[low - 1] as number);
}
