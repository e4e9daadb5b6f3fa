import type { FrameRange } from '@understudy/contracts';

export interface ShardPlanRequest {
  readonly frames: number;
  /** Frames in one shard where somebody asked for a number. */
  readonly shardFrames?: number | undefined;
  readonly leastShards: number;
  /** Measured speed of one lane for this kind of work, in frames a second; null before anything was measured. */
  readonly laneFps: number | null;
}

/** A shard is to take about this long: long enough to be worth a lease, short enough to lose. */
export const TARGET_SHARD_SECONDS = 20;
/** Assumed until a lane's speed is known. */
export const UNMEASURED_LANE_FPS = 4;

/**
 * Cuts `[0, frames)` into shards that touch, in order, of sizes that differ by at most one frame.
 *
 * @throws RangeError when there are no frames.
 */
export function planShards(request: ShardPlanRequest): FrameRange[] {
  const { frames, shardFrames, leastShards, laneFps } = request;
  if (frames < 1) throw new RangeError('a plate without frames has no shards');
  const wanted = shardFrames ?? Math.max(1, Math.round((laneFps ?? UNMEASURED_LANE_FPS) * TARGET_SHARD_SECONDS));
  const count = Math.min(frames, Math.max(leastShards, Math.ceil(frames / wanted)));
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
