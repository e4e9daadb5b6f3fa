/** A lane that failed so many different tasks among the last {@link RECENT_ENDS} that it ended is set aside. */
export const BAD_HOST_TASKS = 3;
export const RECENT_ENDS = 10;
/** Then it is forgiven and tried again. */
export const SET_ASIDE_MS = 10 * 60_000;
/** For so long other lanes go first at a task that a lane failed. */
export const AVOID_MS = 60_000;
/** An attempt whose frames did not grow for so long is stuck, however alive its lane is. */
export const STUCK_MS = 15 * 60_000;

export interface LaneRecord {
  /** Different tasks that it failed lately. */
  readonly failedTasks: number;
  /** Different shots that these belong to. */
  readonly failedShots: number;
  /** Another lane made something of one of these shots: the shots are not what is at fault. */
  readonly othersSucceed: boolean;
  /** Lanes at work, or ready for it, that could do what it failed now. */
  readonly otherLanes: number;
}

/**
 * Whether a lane is set aside for its failures. A shot that fails everywhere says nothing against a lane, and the last lane
 * of its kind goes on: a shard that it may fail is better than one that nobody tries.
 */
export function isBadHost({ failedTasks, failedShots, othersSucceed, otherLanes }: LaneRecord): boolean {
  if (failedTasks < BAD_HOST_TASKS || otherLanes === 0) return false;
  return failedShots > 1 || othersSucceed;
}
