import { open } from 'node:fs/promises';
import { UnderstudyError, type ErrorCode } from '@understudy/contracts';
import { CommandLine, DEMUXERS } from './command.js';
import type { FrameScan } from './frame-scan.js';
import { HandedFiles } from './handed-files.js';
import { MAX_PIXELS, type ProbedFile, type ProbedStream, type ProbeOptions } from './probe-streams.js';
import { toolOutput } from './run-tool.js';
import type { MediaContainer } from './sniff.js';

/** Complaints that mean missing data. Others (a missing reference in a leading picture) are common and harmless. */
const DAMAGE =
  /partial file|File ended prematurely|Truncating packet|Packet corrupt|error while decoding|concealing|Invalid NAL unit size|Error submitting packet|Decoding error|overread|Premature end|EOI missing|chunk too big|inflate returned error|truncated/i;

/** Codecs whose streams hold packets that show nothing; for the others each packet is one frame. */
const HIDDEN_FRAME_CODECS = new Set(['vp8', 'mpeg4']);

/**
 * Refuses what can't be read back frame by frame: cut-off data, frames that do not decode, interlacing, sizes that
 * change, timestamps that do not ascend.
 */
export function refuseUnlessExact(scan: FrameScan, file: ProbedFile, stream: ProbedStream, path: string): void {
  const refuse = (code: ErrorCode, message: string, reason: string, more: Record<string, unknown> = {}) => {
    const details = { path, reason, packets: scan.packets, frames: scan.pts.length, ...more };
    throw new UnderstudyError(code, message, { details });
  };
  if (scan.packets === 0) refuse('EMPTY_MEDIA', 'the video holds no frames', 'no-frames');
  const stated = Number(stream.nb_frames ?? 0);
  const cutOff = 'the file is cut off; copy it again from its source';
  if (scan.packets + scan.hiddenPackets < stated) refuse('TRUNCATED_MEDIA', cutOff, 'packets', { stated });
  if (DAMAGE.test(scan.complaints)) refuse('TRUNCATED_MEDIA', cutOff, 'damage', { stderr: scan.complaints });
  if (scan.pts.length === 0) refuse('UNREADABLE_MEDIA', 'no frame of the video could be decoded', 'decode');
  if (scan.pts.length !== scan.packets && !HIDDEN_FRAME_CODECS.has(stream.codec_name)) {
    refuse('TRUNCATED_MEDIA', 'not every packet of the video decodes to a frame; the file is damaged', 'decode');
  }
  if (endsEarly(scan, file, stream)) refuse('TRUNCATED_MEDIA', cutOff, 'duration');
  if (scan.interlacedFrames > 0) {
    refuse('UNSUPPORTED_MEDIA', 'the video is interlaced; deinterlace the plate first', 'interlaced');
  }
  if (scan.shapes.size > 1) {
    refuse('UNSUPPORTED_MEDIA', 'the picture size or format changes within the clip', 'shape', {
      shapes: [...scan.shapes],
    });
  }
  const backwards = scan.pts.findIndex((pts, n) => n > 0 && pts <= (scan.pts[n - 1] as number));
  if (backwards > 0) {
    refuse('UNSUPPORTED_MEDIA', 'timestamps do not ascend; remux the plate to MP4 or MOV', 'timestamps', {
      frame: backwards,
    });
  }
}

/** Matroska and AVI state a duration but no packet count: a clip that ends well before it was cut. */
function endsEarly(scan: FrameScan, file: ProbedFile, stream: ProbedStream): boolean {
  const onlyVideo = file.streams.every((s) => s.index === stream.index);
  const stated = Number(
    stream.duration ?? stream.tags['DURATION-eng'] ?? (onlyVideo ? file.format.duration : undefined),
  );
  if (!/matroska|avi/.test(file.format.format_name) || !Number.isFinite(stated)) return false;
  const [num = 0, den = 1] = stream.time_base.split('/').map(Number);
  const spanS = (((scan.pts.at(-1) ?? 0) - (scan.pts[0] ?? 0)) * num) / den;
  return spanS < stated * 0.9 - 1;
}

/** Decodes a still once and listens: libav fills the missing part of a cut-off picture with grey and goes on. */
export async function refuseStillCutOff(path: string, container: MediaContainer, options: ProbeOptions): Promise<void> {
  const damaged = (details: Record<string, unknown>) =>
    new UnderstudyError('TRUNCATED_MEDIA', 'the picture is damaged or cut off; copy it again from its source', {
      details: { path, ...details },
    });
  if (container === 'png' && !(await endsWithChunk(path, 'IEND'))) throw damaged({ reason: 'no-end' });
  const files = new HandedFiles();
  const args = new CommandLine()
    .input(files.read(path), { demuxer: DEMUXERS[container], options: ['-max_pixels', String(MAX_PIXELS)] })
    .output('pipe:1', ['-map', '0:v:0', '-frames:v', '1', '-f', 'null'])
    .args();
  const run = {
    tool: 'ffmpeg' as const,
    args,
    files,
    details: { path },
    failure: 'UNREADABLE_MEDIA' as const,
  };
  const { stderrTail } = await toolOutput({ ...run, timeLimitMs: 60_000, ...options });
  if (stderrTail !== '') throw damaged({ stderr: stderrTail });
}

/** Whether a chunk's name stands near the end; some programs append a little of their own. */
async function endsWithChunk(path: string, name: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(TAIL_BYTES),
      0,
      TAIL_BYTES,
      Math.max(0, size - TAIL_BYTES),
    );
    return buffer.subarray(0, bytesRead).includes(name, 0, 'latin1');
  } finally {
    await file.close();
  }
}

const TAIL_BYTES = 4096;
