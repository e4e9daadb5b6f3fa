import type { FrameRange } from '@understudy/contracts';

export interface PartialPlan<Shard extends FrameRange> {
  /** The frames that are rendered anew: those asked for, widened to the borders of the shards they lie in. */
  readonly range: FrameRange;
  readonly rendered: readonly Shard[];
  readonly reused: readonly Shard[];
}

/**
 * Which shards of a version are rendered anew so that `frames` are, and which stay. Shards are joined whole, without coding
 * them anew, so none is cut.
 *
 * @param shards touch and are in the order of their frames
 * @throws RangeError when no shard has any of the frames
 */
export function partialPlan<Shard extends FrameRange>(
  shards: readonly Shard[],
  frames: FrameRange,
): PartialPlan<Shard> {
  const touches = (shard: FrameRange): boolean =>
    shard.startFrame < frames.endFrame && frames.startFrame < shard.endFrame;
  const rendered = shards.filter(touches);
  const [first, last] = [rendered[0], rendered.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('no shard has any of these frames');
  return {
    range: { startFrame: first.startFrame, endFrame: last.endFrame },
    rendered,
    reused: shards.filter((shard) => !touches(shard)),
  };
}
