import { CommandLine, DEMUXERS } from './command.js';
import type { HandedFiles } from './handed-files.js';
import { ORIENTATIONS } from './orientation.js';
import { framePts, keyFrameBefore, type PlateInfo } from './plate-info.js';
import { MAX_PIXELS } from './probe-streams.js';

export interface RangeRequest {
  readonly path: string;
  readonly plate: PlateInfo;
  /** Half-open range of frame numbers. */
  readonly startFrame: number;
  readonly endFrame: number;
  /** Size to scale to, area-averaged; the plate's own without it. */
  readonly scaleTo?: { readonly width: number; readonly height: number } | undefined;
  /** Decoder threads; ffmpeg's own choice without it. */
  readonly threads?: number | undefined;
}

/**
 * The command that writes the raw frames of a range to stdout and each frame's timestamp to descriptor 3.
 *
 * It seeks to the key frame before the range, keeps the file's timestamps and selects by them, so that a seek that
 * lands too early costs time and nothing else.
 */
export function readCommand(request: RangeRequest, seek: boolean, files: HandedFiles): string[] {
  const { path, plate, startFrame, endFrame, threads } = request;
  const { video } = plate;
  const from = framePts(plate, startFrame);
  const until = endFrame < plate.frameCount ? framePts(plate, endFrame) : framePts(plate, plate.frameCount - 1) + 1;
  const options = ['-noautorotate', '-max_pixels', String(MAX_PIXELS)];
  if (threads !== undefined) options.push('-threads', String(threads));
  const seekS = seek ? seekSeconds(plate, startFrame) : null;
  if (seekS !== null) options.push('-seek_timestamp', '1', '-noaccurate_seek', '-ss', seekS);
  const filters = [
    `trim=start_pts=${from}:end_pts=${until}`,
    ORIENTATIONS[video.orientation].filter,
    conversion(request),
    // `print` speaks only of frames that carry metadata, so each gets one entry.
    'metadata=mode=add:key=understudy:value=1',
    'metadata=mode=print:direct=1:file=pipe\\\\:3',
  ];
  return [
    '-copyts',
    ...new CommandLine()
      .input(files.read(path), { demuxer: DEMUXERS[plate.container], options })
      .output('pipe:1', [
        ['-map', `0:${video.streamIndex}`, '-filter:v', filters.filter((f) => f !== null).join(',')],
        ['-fps_mode', 'passthrough', '-pix_fmt', video.rawFormat, '-f', 'rawvideo'],
      ])
      .args(),
  ];
}

/** Half a frame after the key frame: rounding to microseconds must not land before it, on the one before. */
function seekSeconds(plate: PlateInfo, startFrame: number): string | null {
  const keyFrame = keyFrameBefore(plate, startFrame);
  if (keyFrame === null || keyFrame === 0) return null;
  const { num, den } = plate.video.timeBase;
  const at = framePts(plate, keyFrame);
  const next = keyFrame + 1 < plate.frameCount ? framePts(plate, keyFrame + 1) : at + 1;
  return (((at + (next - at) / 2) * num) / den).toFixed(6);
}

/** Explicit ranges on both sides: swscale would otherwise stretch or squeeze full-range samples. */
function conversion({ plate, scaleTo }: RangeRequest): string | null {
  const { video } = plate;
  if (!video.converted && !scaleTo) return null;
  const range = video.colour.range === 'pc' ? 'full' : 'limited';
  const size = scaleTo
    ? `${scaleTo.width}:${scaleTo.height}:flags=area+accurate_rnd`
    : 'flags=bicubic+accurate_rnd+full_chroma_int';
  return `scale=${size}:in_range=${range}:out_range=${range},format=${video.rawFormat}`;
}
