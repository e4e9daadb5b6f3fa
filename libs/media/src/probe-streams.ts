import { z } from 'zod';
import { UnderstudyError } from '@understudy/contracts';
import { DEMUXERS, guardedInput } from './command.js';
import { HandedFiles } from './handed-files.js';
import { toolOutput } from './run-tool.js';
import type { MediaContainer } from './sniff.js';

const tagsSchema = z.record(z.string(), z.string()).default({});
const sideDataSchema = z
  .array(z.looseObject({ side_data_type: z.string().default(''), displaymatrix: z.string().optional() }))
  .default([]);

export const probedStreamSchema = z.looseObject({
  index: z.int(),
  codec_type: z.string().default('unknown'),
  codec_name: z.string().default('unknown'),
  width: z.int().optional(),
  height: z.int().optional(),
  pix_fmt: z.string().optional(),
  color_range: z.string().optional(),
  color_space: z.string().optional(),
  color_primaries: z.string().optional(),
  color_transfer: z.string().optional(),
  chroma_location: z.string().optional(),
  field_order: z.string().optional(),
  sample_aspect_ratio: z.string().optional(),
  r_frame_rate: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  time_base: z.string(),
  start_pts: z.int().optional(),
  duration: z.string().optional(),
  nb_frames: z.string().optional(),
  has_b_frames: z.int().optional(),
  sample_rate: z.string().optional(),
  channels: z.int().optional(),
  extradata_hash: z.string().optional(),
  disposition: z.record(z.string(), z.int()).default({}),
  tags: tagsSchema,
  side_data_list: sideDataSchema,
});
export type ProbedStream = z.infer<typeof probedStreamSchema>;

export const probedFileSchema = z.object({
  streams: z.array(probedStreamSchema).default([]),
  chapters: z.array(z.unknown()).default([]),
  format: z.looseObject({ format_name: z.string(), duration: z.string().optional(), tags: tagsSchema }),
});
export type ProbedFile = z.infer<typeof probedFileSchema>;

export interface ProbeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeLimitMs?: number;
  /** A still that was probed before: it is not decoded whole once more to see whether it is. */
  readonly isKnownWhole?: boolean;
}

const HEADER_TIME_LIMIT_MS = 60_000;

/** 8192 x 8192: twice the area of an 8K frame. Larger headers are refused before a decoder allocates anything. */
export const MAX_PIXELS = 8192 * 8192;

/** The streams of a file as ffprobe describes them. */
export async function probeStreams(
  path: string,
  container: MediaContainer,
  options: ProbeOptions = {},
): Promise<ProbedFile> {
  return probed(probedFileSchema, path, container, STREAMS, options);
}

const STREAMS = ['-show_streams', '-show_format', '-show_chapters', '-show_data_hash', 'sha256'];
const FIRST_FRAME = ['-max_pixels', String(MAX_PIXELS), '-read_intervals', '%+#1', '-show_frames'];

const firstFrameSchema = z.object({
  frames: z.array(z.looseObject({ side_data_list: sideDataSchema })).default([]),
});
type SideData = z.infer<typeof sideDataSchema>;

/** Side data of the first decoded frame: EXIF orientation, colour profile, HDR data are found only there. */
export async function probeFirstFrame(
  path: string,
  container: MediaContainer,
  streamIndex: number,
  options: ProbeOptions = {},
): Promise<SideData> {
  const args = ['-select_streams', String(streamIndex), ...FIRST_FRAME];
  return sideDataOf(await probed(firstFrameSchema, path, container, args, options));
}

/** Both of a still at once: its only stream needs no choosing. */
export async function probeStill(
  path: string,
  container: MediaContainer,
  options: ProbeOptions = {},
): Promise<{ file: ProbedFile; firstFrame: SideData }> {
  const schema = probedFileSchema.extend(firstFrameSchema.shape);
  const { frames, ...file } = await probed(schema, path, container, [...STREAMS, ...FIRST_FRAME], options);
  return { file, firstFrame: sideDataOf({ frames }) };
}

function sideDataOf({ frames: [first] }: z.infer<typeof firstFrameSchema>): SideData {
  return first?.side_data_list ?? [];
}

async function probed<T>(
  schema: z.ZodType<T>,
  path: string,
  container: MediaContainer,
  show: readonly string[],
  options: ProbeOptions,
): Promise<T> {
  const files = new HandedFiles();
  const { stdout } = await toolOutput({
    tool: 'ffprobe',
    args: [
      ['-v', 'error', ...guardedInput(DEMUXERS[container]), ...show],
      ['-of', 'json', '-i', files.read(path)],
    ],
    timeLimitMs: HEADER_TIME_LIMIT_MS,
    failure: 'UNREADABLE_MEDIA',
    files,
    details: { path },
    ...options,
  });
  return parseProbe(schema, stdout, path);
}

export function parseProbe<T>(schema: z.ZodType<T>, stdout: string, path: string): T {
  try {
    return schema.parse(JSON.parse(stdout));
  } catch (cause) {
    throw new UnderstudyError('UNREADABLE_MEDIA', 'the description of the file makes no sense; it is damaged', {
      cause,
      details: { path },
    });
  }
}
