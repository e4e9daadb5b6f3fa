import { UnderstudyError } from '@understudy/contracts';
import type { PlateInfo } from './plate-info.js';
import { probeSegment } from './probe-segment.js';
import { expectedTraits, traitsOf, type StreamTraits } from './stream-traits.js';

export interface SegmentFile {
  readonly path: string;
  readonly frames: number;
  /** How many frames decoding runs behind coding. */
  readonly reorderFrames: number;
}

/**
 * Reads the segments of a join and refuses those that would join without an error and play wrong: another size, format,
 * tag or stream header, a first frame that is no key frame, a sum that is not the plate's frame count.
 *
 * @throws JOIN_MISMATCH
 */
export async function readSegments(
  paths: readonly string[],
  plate: PlateInfo,
  signal: AbortSignal | undefined,
): Promise<SegmentFile[]> {
  const expected = expectedTraits(plate);
  const segments: SegmentFile[] = [];
  let header: string | undefined;
  for (const [position, path] of paths.entries()) {
    const { streams, packets } = await probeSegment(path, { signal });
    const stream = streams[0];
    if (!stream) throw mismatch('a segment holds no video', { position, path });
    requireTraits(expected, traitsOf(stream), position, path);
    header ??= stream.extradata_hash;
    if (stream.extradata_hash !== header) {
      throw mismatch('segments were coded with different settings or encoders', { position, path });
    }
    if (packets[0]?.isKey !== true) throw mismatch('a segment does not start with a key frame', { position, path });
    segments.push({ path, frames: packets.length, reorderFrames: stream.has_b_frames ?? 0 });
  }
  const frames = segments.reduce((sum, segment) => sum + segment.frames, 0);
  if (frames !== plate.frameCount) {
    throw mismatch('the segments do not add up to the plate', { expected: plate.frameCount, got: frames });
  }
  return segments;
}

function requireTraits(expected: StreamTraits, got: StreamTraits, position: number, path: string): void {
  const differing = (Object.keys(expected) as (keyof StreamTraits)[]).filter((trait) => expected[trait] !== got[trait]);
  if (differing.length > 0)
    throw mismatch('a segment does not look like the plate', { position, path, differing, expected, got });
}

function mismatch(message: string, details: Record<string, unknown>): UnderstudyError {
  return new UnderstudyError('JOIN_MISMATCH', `${message}; render the segments of this shot again`, { details });
}
