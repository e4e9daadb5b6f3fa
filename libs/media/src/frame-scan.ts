import { UnderstudyError } from '@understudy/contracts';
import { DEMUXERS, guardedInput } from './command.js';
import { HandedFiles } from './handed-files.js';
import { MAX_PIXELS, type ProbeOptions } from './probe-streams.js';
import { eachOutputLine } from './run-tool.js';
import type { MediaContainer } from './sniff.js';

/** What one full pass over the video tells: packets counted, every frame decoded. */
export interface FrameScan {
  /** Timestamps in the order frames come out of the decoder. */
  readonly pts: number[];
  /** Numbers of the frames where decoding can start. */
  readonly keyFrames: number[];
  /** Packets that should become visible frames, and those an edit list hides. */
  readonly packets: number;
  readonly hiddenPackets: number;
  readonly interlacedFrames: number;
  /** Sizes and pixel formats met; more than one is a plate that changes half-way. */
  readonly shapes: ReadonlySet<string>;
  /** Complaints of demuxer and decoder that say that data are missing. */
  readonly complaints: string;
}

const SCAN_TIME_LIMIT_MS = 3_600_000;

/**
 * Decodes the whole video once and lists its frames.
 *
 * A frame is a place where decoding can start if its packet is flagged as key, its picture is intra-coded and flagged
 * as key too: streams refreshed bit by bit flag recovery points that alone give no whole picture.
 */
export async function scanFrames(
  path: string,
  container: MediaContainer,
  streamIndex: number,
  options: ProbeOptions = {},
): Promise<FrameScan> {
  const keyPackets = new Set<number>();
  const keyCandidates: number[] = [];
  const scan = { pts: [] as number[], packets: 0, hiddenPackets: 0, interlacedFrames: 0 };
  const shapes = new Set<string>();
  const onPacket = (fields: Map<string, string>) => {
    const flags = fields.get('flags') ?? '';
    if (flags.includes('D')) {
      scan.hiddenPackets++;
      return;
    }
    scan.packets++;
    if (flags.includes('K')) keyPackets.add(Number(fields.get('pts')));
  };
  const onFrame = (fields: Map<string, string>) => {
    const pts = Number(fields.get('best_effort_timestamp'));
    if (fields.get('key_frame') === '1' && fields.get('pict_type') === 'I') keyCandidates.push(scan.pts.length);
    if (fields.get('interlaced_frame') === '1') scan.interlacedFrames++;
    shapes.add(`${fields.get('width')}x${fields.get('height')} ${fields.get('pix_fmt')}`);
    scan.pts.push(pts);
  };
  const files = new HandedFiles();
  const { stderrTail } = await eachOutputLine(
    {
      tool: 'ffprobe',
      args: [
        ['-v', 'error', ...guardedInput(DEMUXERS[container]), '-max_pixels', String(MAX_PIXELS), '-threads', '0'],
        ['-select_streams', String(streamIndex), '-show_packets', '-show_frames'],
        '-show_entries',
        'packet=pts,flags:frame=key_frame,best_effort_timestamp,pict_type,interlaced_frame,width,height,pix_fmt',
        ['-of', 'compact', '-i', files.read(path)],
      ],
      timeLimitMs: SCAN_TIME_LIMIT_MS,
      failure: 'UNREADABLE_MEDIA',
      files,
      details: { path },
      ...options,
    },
    (line) => {
      const [kind, ...fields] = line.split('|');
      if (kind !== 'packet' && kind !== 'frame') return;
      (kind === 'packet' ? onPacket : onFrame)(fieldsOf(fields));
    },
  );
  if (scan.pts.some((pts) => !Number.isSafeInteger(pts))) {
    throw new UnderstudyError('UNSUPPORTED_MEDIA', 'frames carry no timestamps; convert the plate to MP4 or MOV', {
      details: { path, reason: 'timestamps' },
    });
  }
  const keyFrames = keyCandidates.filter((n) => keyPackets.has(scan.pts[n] as number));
  return { ...scan, keyFrames, shapes, complaints: stderrTail };
}

function fieldsOf(fields: readonly string[]): Map<string, string> {
  return new Map(
    fields.map((field) => {
      const at = field.indexOf('=');
      return [field.slice(0, at), field.slice(at + 1)];
    }),
  );
}
