import type { FrameRange } from '@understudy/contracts';

export interface ShardPlanRequest {
  readonly frames: number;
  /** Frames in one shard where somebody asked for a number. */
  readonly shardFrames?: number | undefined;
  readonly leastShards: number;
  /** Measured speed of one lane for this kind of work, in frames a second; null before anything was measured. */
  readonly laneFps: number | null;
  /** Lanes that could work on the shot; absent or below 2, every shard is of one size. */
  readonly lanes?: number;
}

/** A shard is to take about this long: long enough to be worth a lease, short enough to lose. */
export const TARGET_SHARD_SECONDS = 20;
/** Assumed until a lane's speed is known. */
export const UNMEASURED_LANE_FPS = 4;

/** The last shards are cut finer, down to this part of a whole one: a lane that ends late then ends only a little late. */
const SMALLEST_PART = 4;

/**
 * Cuts `[0, frames)` into shards that touch, in order. Where somebody asked for a number of frames or of shards, or the shot
 * is not longer than a shard for each lane, their sizes differ by at most one frame. Otherwise they aim at
 * `TARGET_SHARD_SECONDS`, and towards the end of the shot at half of what is left for each lane (guided self-scheduling,
 * Polychronopoulos and Kuck 1987).
 *
 * @throws RangeError when there are no frames.
 */
export function planShards(request: ShardPlanRequest): FrameRange[] {
  const { frames, shardFrames, leastShards, laneFps, lanes = 0 } = request;
  if (frames < 1) throw new RangeError('a plate without frames has no shards');
  const wanted = shardFrames ?? Math.max(1, Math.round((laneFps ?? UNMEASURED_LANE_FPS) * TARGET_SHARD_SECONDS));
  const bySize = Math.ceil(frames / wanted);
  const even = Math.min(frames, Math.max(leastShards, bySize));
  if (shardFrames !== undefined || bySize < leastShards || bySize <= Math.max(1, lanes))
    return evenShards(frames, even);
  return lanes < 2 ? evenShards(frames, even) : guidedShards(frames, wanted, lanes);
}

/** Frames in one range of an analysis at most: some seconds of work, and two lanes share even a short clip. */
const MOST_ANALYSED = 96;

/**
 * Cuts `[0, frames)` into ranges to analyse, as even as they can be, and as many as give every lane the same number: none
 * waits at the end while another has a whole range to go.
 *
 * @param lanes that could work on it; more than there are ranges change nothing
 * @throws RangeError when there are no frames
 */
export function planAnalysis(frames: number, lanes: number): FrameRange[] {
  if (frames < 1) throw new RangeError('a plate without frames has nothing to analyse');
  const least = Math.max(2, Math.ceil(frames / MOST_ANALYSED));
  const round = Math.min(least, Math.max(1, lanes));
  return evenShards(frames, Math.min(frames, Math.ceil(least / round) * round));
}

function guidedShards(frames: number, wanted: number, lanes: number): FrameRange[] {
  const smallest = Math.max(1, Math.ceil(wanted / SMALLEST_PART));
  const shards: FrameRange[] = [];
  for (let startFrame = 0; startFrame < frames;) {
    const left = frames - startFrame;
    const size = Math.min(wanted, Math.max(smallest, Math.ceil(left / (2 * lanes))));
    // A rest too small for a shard of its own goes with the last one.
    const endFrame = left - size < smallest ? frames : startFrame + size;
    shards.push({ startFrame, endFrame });
    startFrame = endFrame;
  }
  return shards;
}

function evenShards(frames: number, count: number): FrameRange[] {
  return Array.from({ length: count }, (_, index) => ({
    startFrame: Math.floor((index * frames) / count),
    endFrame: Math.floor(((index + 1) * frames) / count),
  }));
}

/** The first place where ranges fail to cover `[0, frames)` exactly once and in order; null when they do. */
export function coverageFault(ranges: readonly FrameRange[], frames: number): number | null {
  let next = 0;
  for (const range of ranges) {
    if (range.startFrame !== next || range.endFrame <= range.startFrame) return next;
    next = range.endFrame;
  }
  return next === frames ? null : next;
}
