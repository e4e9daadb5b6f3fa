import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UnderstudyError } from '@understudy/contracts';
import { CommandLine, DEMUXERS, type InputOptions } from './command.js';
import {
  deliveryContainer,
  movieTimescale,
  planStreams,
  plateStartS,
  videoStartS,
  type DeliveryContainer,
  type DeliveryPlan,
} from './delivery-streams.js';
import { HandedFiles } from './handed-files.js';
import { PartialFile } from './partial-file.js';
import type { PlateInfo } from './plate-info.js';
import { retimeMp4 } from './retime-mp4.js';
import { eachOutputLine, throwIfCancelled } from './run-tool.js';
import { readSegments, type SegmentFile } from './segment-list.js';
import { sha256File } from './sha256-file.js';
import { writeStill } from './still.js';
import { deliveryClock, deliveryTimes } from './timing.js';

export interface JoinOptions {
  /** Segment files in order; together exactly the plate's frames. */
  readonly segments: readonly string[];
  readonly plate: PlateInfo;
  /** The plate itself: sound, subtitles, timecode and metadata come from it. */
  readonly platePath: string;
  /** `.mp4`, `.mov` or `.mkv`; `.png` or `.jpg` for a still. */
  readonly output: string;
  /** Metadata to add, such as a title or a label: key and value. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly onProgress?: ((joinedFrames: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface JoinResult {
  readonly frames: number;
  readonly bytes: number;
  readonly sha256: string;
  /** For each sound stream in order: `copy`, or the encoder that coded it anew. */
  readonly audio: readonly string[];
  /** What of the plate the delivery does not carry, in words. */
  readonly dropped: readonly string[];
}

/**
 * Joins segments without coding a frame anew: the plate's timestamps, its sound once and where it was, its timecode,
 * subtitles, chapters and metadata. The output appears whole or not at all.
 *
 * @throws JOIN_MISMATCH when segments differ in their traits or do not add up to the plate; OUTPUT_UNWRITABLE;
 * DISK_FULL; INVALID_REQUEST for an extension that is no container here; CANCELLED
 */
export async function joinSegments(options: JoinOptions): Promise<JoinResult> {
  const { plate, output, signal } = options;
  const target: Target | null = plate.isStill ? null : planTarget(plate, output);
  const segments = await readSegments(options.segments, plate, signal);
  const file = await PartialFile.create(output);
  try {
    if (target) await joinClip(options, segments, target, file.partialPath);
    else
      await writeStill({
        segment: (segments[0] as SegmentFile).path,
        plate,
        output,
        partialPath: file.partialPath,
        signal,
      });
    const sha256 = await sha256File(file.partialPath);
    const { size: bytes } = await stat(file.partialPath);
    throwIfCancelled(signal);
    await file.commit();
    const { audio = [], dropped = plate.notCarried } = target?.plan ?? {};
    return { frames: plate.frameCount, bytes, sha256, audio: audio.map(({ codec }) => codec), dropped };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

interface Target {
  readonly container: DeliveryContainer;
  readonly plan: DeliveryPlan;
}

function planTarget(plate: PlateInfo, output: string): Target {
  const container = deliveryContainer(output);
  if (container === 'mkv' && !plate.isConstantRate) {
    throw new UnderstudyError(
      'INVALID_REQUEST',
      'Matroska rounds timestamps to milliseconds; deliver a plate of variable rate as .mp4 or .mov',
    );
  }
  return { container, plan: planStreams(plate, container) };
}

async function joinClip(options: JoinOptions, segments: readonly SegmentFile[], target: Target, partialPath: string) {
  // Beside the output: an intermediate video must fit where the delivery does.
  const scratch = await mkdtemp(join(dirname(partialPath), `.join-${randomBytes(4).toString('hex')}-`));
  try {
    const { plate } = options;
    const list = join(scratch, 'segments.txt');
    const files = new HandedFiles();
    await writeFile(list, concatList(segments, plate, files));
    const url = files.read(list);
    if (plate.isConstantRate && target.container !== 'mkv') {
      const grid = evenTimes(plate, segments, shiftS(plate));
      await mux(options, target, { files, url, ...CONCAT, filter: grid }, partialPath);
      return;
    }
    const video = join(scratch, 'video.mp4');
    await concatVideo(options, { files, url, ...CONCAT, filter: evenTimes(plate, segments, 0) }, video);
    const times = deliveryTimes(plate);
    if (!plate.isConstantRate) await retimeMp4(video, times.timeBase.den, frameDurations(plate));
    const shifted = ['-itsoffset', shiftS(plate).toFixed(6)];
    await mux(options, target, { ...onlyFile(video), demuxer: 'mov', options: shifted, filter: null }, partialPath);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Durations are stated: left to itself the demuxer adds up rounded ones. The sum of the roundings stays below 1 µs. */
function concatList(segments: readonly SegmentFile[], plate: PlateInfo, files: HandedFiles): string {
  const { rate } = plate.video;
  const microseconds = (frame: number) => Math.round((frame * rate.den * 1e6) / rate.num);
  let frame = 0;
  const entries = segments.map(({ path, frames }) => {
    const duration = microseconds(frame + frames) - microseconds(frame);
    frame += frames;
    return `file '${files.read(path)}'\nduration ${duration}us\n`;
  });
  return `ffconcat version 1.0\n${entries.join('')}`;
}

const CONCAT: InputOptions = { demuxer: 'concat', options: ['-safe', '0'] };

interface VideoInput extends InputOptions {
  readonly files: HandedFiles;
  readonly url: string;
  /** A bitstream filter that sets the timestamps, where the input's are not yet the delivery's. */
  readonly filter: string | null;
}

/**
 * The exact timestamps of a constant rate, whatever the joined clock says: shown times snap to the grid, coding times
 * count up evenly. Segments of one or two frames start their coding times later than others do, which would overlap.
 * In ticks of the MP4 track; other containers change the clock under the filter, in some versions unannounced.
 */
function evenTimes(plate: PlateInfo, segments: readonly SegmentFile[], startS: number): string {
  const { timescale, step } = deliveryClock(plate.video);
  const shift = Math.round(startS * timescale);
  const delay = (segments[0] as SegmentFile).reorderFrames;
  return `setts=pts=round(PTS/${step})*${step}+${shift}:dts=(N-${delay})*${step}+${shift}`;
}

/** How long after the delivery's time zero its first frame is shown, in seconds. */
function shiftS(plate: PlateInfo): number {
  return videoStartS(plate) - plateStartS(plate);
}

/** Joins the video alone, where its timestamps or its container need a second step. */
async function concatVideo(options: JoinOptions, segments: VideoInput, video: string): Promise<void> {
  const { files, url, filter } = segments;
  const { timescale } = deliveryClock(options.plate.video);
  const args = new CommandLine()
    .input(url, segments)
    .output(files.write(video), [
      ['-map', '0:v:0', '-c', 'copy', ...bitstreamFilter(filter)],
      ['-video_track_timescale', String(timescale), '-movie_timescale', String(timescale)],
      ['-fflags', '+bitexact', '-f', 'mp4'],
    ])
    .args();
  await runJoin(options, ['-y', '-copyts', ...args], files);
}

function bitstreamFilter(filter: string | null): string[] {
  return filter === null ? [] : ['-bsf:v', filter];
}

function onlyFile(path: string): { files: HandedFiles; url: string } {
  const files = new HandedFiles();
  return { files, url: files.read(path) };
}

function frameDurations(plate: PlateInfo): number[] {
  const times = deliveryTimes(plate);
  const durations = Array.from({ length: times.count - 1 }, (_, n) => times.at(n + 1) - times.at(n));
  // The plate's index holds no end for its last frame; it is shown as long as the one before.
  return [...durations, durations.at(-1) ?? 1];
}

async function mux(options: JoinOptions, target: Target, video: VideoInput, partialPath: string) {
  const { plate, platePath } = options;
  const { container, plan } = target;
  const timescale = plate.isConstantRate ? deliveryClock(plate.video).timescale : plate.video.timeBase.den;
  const plateInput = { demuxer: DEMUXERS[plate.container], options: ['-itsoffset', (-plateStartS(plate)).toFixed(6)] };
  const args = new CommandLine()
    .input(video.url, video)
    .input(video.files.read(platePath), plateInput)
    .output(video.files.write(partialPath), [
      ['-map', '0:v:0', '-c:v', 'copy'],
      bitstreamFilter(video.filter),
      ...streamOptions(plan),
      ...metadataOptions(options, plan),
      ...containerOptions(container, timescale, plate),
    ])
    .args();
  await runJoin(options, ['-y', '-copyts', ...args], video.files);
}

function streamOptions({ audio, subtitles }: DeliveryPlan): string[] {
  return [
    ...audio.flatMap(({ streamIndex, codec }, n) => ['-map', `1:${streamIndex}`, `-c:a:${n}`, ...audioCodec(codec)]),
    ...subtitles.flatMap(({ streamIndex, codec }, n) => ['-map', `1:${streamIndex}`, `-c:s:${n}`, codec]),
  ];
}

function audioCodec(codec: string): string[] {
  return codec === 'aac' ? ['aac', '-b:a', '256k', '-flags:a', '+bitexact'] : [codec];
}

/** The plate's metadata, stream by stream; what its own encoder wrote about itself is not true of the delivery. */
function metadataOptions({ plate, metadata = {} }: JoinOptions, { audio, subtitles }: DeliveryPlan): string[] {
  const { streamIndex, timecode } = plate.video;
  return [
    ['-map_metadata', '1', '-map_chapters', plate.chapters > 0 ? '1' : '-1'],
    ...streamMetadata('v', [{ streamIndex }]),
    ...streamMetadata('a', audio),
    ...streamMetadata('s', subtitles),
    ['-metadata', 'encoder=', '-metadata:s:v:0', 'encoder='],
    ...(timecode === null ? [] : ['-metadata:s:v:0', `timecode=${timecode}`]),
    ...Object.entries(metadata).flatMap(([key, value]) => ['-metadata', `${key}=${value}`]),
  ].flat();
}

function streamMetadata(kind: 'v' | 'a' | 's', streams: readonly { streamIndex: number }[]): string[] {
  return streams.flatMap((stream, n) => [`-map_metadata:s:${kind}:${n}`, `1:s:${stream.streamIndex}`]);
}

/**
 * ffmpeg names 10-bit H.264 in MOV by its size and rate as AVC-Intra, which ours is not, and readers then take other parameter
 * sets for it. It keeps the name that is given only where it may depart from its own table.
 */
const AVC1 = ['-tag:v', 'avc1', '-strict', 'unofficial'];

function containerOptions(container: DeliveryContainer, timescale: number, plate: PlateInfo): string[] {
  if (container === 'mkv') return ['-fflags', '+bitexact', '-f', 'matroska'];
  return [
    ['-video_track_timescale', String(timescale), '-movie_timescale', String(movieTimescale(timescale, plate))],
    ['-movflags', '+faststart', '-fflags', '+bitexact', ...(container === 'mov' ? AVC1 : []), '-f', container],
  ].flat();
}

async function runJoin(
  { output, onProgress, signal }: JoinOptions,
  args: readonly string[],
  files: HandedFiles,
): Promise<void> {
  await eachOutputLine(
    {
      tool: 'ffmpeg',
      args: [['-nostats', '-progress', 'pipe:1'], args],
      failure: 'FFMPEG_FAILED',
      files,
      details: { output },
      signal,
    },
    (line) => {
      const frames = /^frame=(\d+)$/.exec(line)?.[1];
      if (frames !== undefined) onProgress?.(Number(frames));
    },
  );
}
