import { UnderstudyError } from '@understudy/contracts';
import type { ColourTags } from './colour.js';
import { frameHashes } from './frame-hash.js';
import type { PlateInfo } from './plate-info.js';
import { probeSegment } from './probe-segment.js';
import { expectedTraits, traitsOf, type StreamTraits } from './stream-traits.js';
import type { VideoPacket } from './video-packets.js';
import { deliveryClock } from './timing.js';

export interface SegmentExpectation {
  readonly plate: PlateInfo;
  readonly frames: number;
  /** Hashes that the decoded frames must have, in order; only a lossless segment can be held to them. */
  readonly frameHashes?: readonly string[] | undefined;
  /** Whether to decode the segment whole; implied by `frameHashes`. */
  readonly decode?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks that a file is a segment of this plate: one H.264 stream, the plate's size, format and tags, exactly `frames`
 * frames from zero in even steps, a key frame first; on request, that all of them decode, to given hashes.
 *
 * @throws SEGMENT_INVALID with what differs in `details`; CANCELLED
 */
export async function verifySegment(path: string, expectation: SegmentExpectation): Promise<void> {
  const { plate, frames, signal } = expectation;
  const { stream, packets } = await readSegment(path, signal);
  const { timescale, step } = deliveryClock(plate.video);
  requireSame(path, expectedTraits(plate), traitsOf(stream), plate.video.tags);
  const wrong = wrongTimes(packets, frames, step, timescale, stream.time_base);
  if (wrong) throw invalid(path, wrong.message, wrong.details);
  const hashes = expectation.frameHashes;
  if (!expectation.decode && !hashes) return;
  const decoded = await decodeAll(path, signal);
  if (decoded.length !== frames) {
    throw invalid(path, 'not every frame of the segment decodes', { expected: frames, got: decoded.length });
  }
  const differing = hashes?.findIndex((hash, n) => hash !== decoded[n]) ?? -1;
  if (hashes && (differing >= 0 || hashes.length !== frames)) {
    throw invalid(path, 'a frame decodes to other samples than were written', { frame: differing });
  }
}

async function readSegment(path: string, signal: AbortSignal | undefined) {
  try {
    const { streams, packets } = await probeSegment(path, { signal });
    const [stream, ...others] = streams;
    if (stream && others.length === 0 && stream.codec_name === 'h264') return { stream, packets };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new UnderstudyError('SEGMENT_INVALID', 'the segment cannot be read', { cause, details: { path } });
  }
  throw invalid(path, 'the segment does not hold one H.264 stream alone', {});
}

async function decodeAll(path: string, signal: AbortSignal | undefined): Promise<string[]> {
  try {
    return await frameHashes(path, { signal });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new UnderstudyError('SEGMENT_INVALID', 'the segment does not decode', { cause, details: { path } });
  }
}

function wrongTimes(
  packets: readonly VideoPacket[],
  frames: number,
  step: number,
  timescale: number,
  timeBase: string,
) {
  if (timeBase !== `1/${timescale}`) {
    return { message: 'the segment runs on another clock', details: { expected: `1/${timescale}`, got: timeBase } };
  }
  if (packets.length !== frames) {
    return { message: 'the segment has another number of frames', details: { expected: frames, got: packets.length } };
  }
  if (packets[0]?.isKey !== true) return { message: 'the segment does not start with a key frame', details: {} };
  const shown = packets.map(({ pts }) => pts).sort((a, b) => a - b);
  const frame = shown.findIndex((pts, n) => pts !== n * step);
  return frame < 0 ? null : { message: 'a timestamp of the segment is off', details: { frame, pts: shown[frame] } };
}

function requireSame(path: string, expected: StreamTraits, got: StreamTraits, tags: ColourTags): void {
  const differing = (Object.keys(expected) as (keyof StreamTraits)[]).filter((trait) => expected[trait] !== got[trait]);
  if (differing.length === 0) return;
  throw invalid(path, 'the segment does not look like the plate', { differing, expected, got, tags });
}

function invalid(path: string, message: string, details: Record<string, unknown>): UnderstudyError {
  return new UnderstudyError('SEGMENT_INVALID', message, { details: { path, ...details } });
}
