import { toUnderstudyError } from '@understudy/contracts';

import type { LaneControl } from '../lane/control.js';

/**
 * Does the work, and where the card's memory was too small for it once more with as little as can be: that a shard met a full
 * card says nothing of the shard, and another lane would meet the same.
 *
 * @throws UnderstudyError OUT_OF_GPU_MEMORY when it does not fit even so, or what the work failed with
 */
export async function inLessMemory<Result>(
  crew: { shrink(): Promise<void> },
  control: Pick<LaneControl, 'stopReason' | 'restartFrames'>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    if (toUnderstudyError(thrown).code !== 'OUT_OF_GPU_MEMORY' || control.stopReason() !== null) throw thrown;
    await crew.shrink();
    control.restartFrames();
    return await work();
  }
}
