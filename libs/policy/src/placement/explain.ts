import { type Misfit, MISFITS, misfits, type PlacementLane, type Requirements } from './fit.js';
import { nextWork, type ProjectShare, type WaitingQueue } from './order.js';

/** Why work waits. */
export type WaitReason =
  /** No lane that is there could do it; `misfits` has what keeps each of them from it, the rarest last. */
  | { readonly code: 'NO_LANE_FITS'; readonly misfits: readonly Misfit[] }
  /** Its project has as many lanes as it may have. */
  | { readonly code: 'PROJECT_AT_CAP'; readonly running: number; readonly mostLanes: number }
  /** Every lane that fits is at work, and the next free one goes to other work first. */
  | {
      readonly code: 'BEHIND_OTHER_WORK';
      readonly ahead: string;
      readonly because: 'URGENT' | 'STARVING' | 'LEAST_SHARE' | 'ONLY_PROJECT';
    }
  /** Every lane that fits is at work; it is the next in line. */
  | { readonly code: 'LANES_BUSY'; readonly lanes: number }
  /** A lane that fits is free: it gets this at its next request. */
  | { readonly code: 'NEXT' };

export interface WaitRequest<Queue extends WaitingQueue & { readonly needs: Requirements }> {
  readonly nowMs: number;
  readonly queue: Queue;
  readonly queues: readonly Queue[];
  readonly projects: ReadonlyMap<string, ProjectShare>;
  readonly lanes: readonly (PlacementLane & { readonly busy: boolean })[];
}

/** "Why is my shard waiting?": the one reason that holds now, by the rules that lanes are given work by. */
export function whyWaiting<Queue extends WaitingQueue & { readonly needs: Requirements }>(
  request: WaitRequest<Queue>,
): WaitReason {
  const { nowMs, queue, queues, projects, lanes } = request;
  const fitting = lanes.filter((lane) => misfits(lane, queue.needs).length === 0);
  if (fitting.length === 0) return { code: 'NO_LANE_FITS', misfits: commonMisfits(lanes, queue.needs) };
  const share = projects.get(queue.projectId);
  if (share?.mostLanes != null && share.running >= share.mostLanes) {
    return { code: 'PROJECT_AT_CAP', running: share.running, mostLanes: share.mostLanes };
  }
  const lane = fitting.find(({ busy }) => !busy) ?? fitting[0]!;
  const doable = queues.filter(({ needs }) => misfits(lane, needs).length === 0);
  const choice = nextWork({ nowMs, queues: doable, projects });
  if (choice !== null && choice.queue.id !== queue.id) {
    return { code: 'BEHIND_OTHER_WORK', ahead: choice.queue.id, because: choice.reason };
  }
  return lane.busy ? { code: 'LANES_BUSY', lanes: fitting.length } : { code: 'NEXT' };
}

/** What keeps the lanes from it, the most frequent first. */
function commonMisfits(lanes: readonly PlacementLane[], needs: Requirements): Misfit[] {
  const all = lanes.flatMap((lane) => misfits(lane, needs));
  const times = (misfit: Misfit): number => all.filter((one) => one === misfit).length;
  return MISFITS.filter((misfit) => times(misfit) > 0).toSorted((a, b) => times(b) - times(a));
}
