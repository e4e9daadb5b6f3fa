/** From this priority on work goes before everybody's share: a shot that somebody waits for now. */
export const URGENT_PRIORITY = 90;
/** A project without a lane whose work waited so long goes before whatever is urgent elsewhere. */
export const STARVATION_MS = 30 * 60_000;
const TOP_PRIORITY = 100;

/** A project's claim on the lanes. */
export interface ProjectShare {
  readonly projectId: string;
  /** In proportion to it lanes are shared while several projects want some; what one leaves, the others borrow. */
  readonly weight: number;
  /** The most lanes it may have at once; null for no limit. */
  readonly mostLanes: number | null;
  /** Lanes at work for it now. */
  readonly running: number;
}

/** The shards of one shot version (or images to enrol) that wait, as far as their order needs it. */
export interface WaitingQueue {
  readonly id: string;
  readonly projectId: string;
  /** 0..100; higher goes first. */
  readonly priority: number;
  /** 0: rendering waits for it; 1: rendering. */
  readonly kindRank: number;
  readonly waitingSinceMs: number;
}

/** Why this work and no other. */
export type PlacementReason = 'URGENT' | 'STARVING' | 'LEAST_SHARE' | 'ONLY_PROJECT';

export interface Choice<Queue extends WaitingQueue> {
  readonly queue: Queue;
  readonly reason: PlacementReason;
}

export interface OrderRequest<Queue extends WaitingQueue> {
  readonly nowMs: number;
  /** What the lane fits; see `misfits`. */
  readonly queues: readonly Queue[];
  readonly projects: ReadonlyMap<string, ProjectShare>;
  /** Lanes that this same decision has just given, by project. */
  readonly given?: ReadonlyMap<string, number>;
  /** Whether the lane holds what the work needs; it goes before work of the same project that is only older. */
  readonly isLocal?: (queue: Queue) => boolean;
}

/**
 * The work that a free lane gets: urgent and starving work first; then the project that has the fewest lanes for its weight;
 * within a project by priority, what rendering waits for, what the lane holds already, age. Pure, so that a claim, the
 * console's explanation and a simulation decide alike.
 *
 * @returns null when nothing may be given: there is nothing, or every project is at its cap
 */
export function nextWork<Queue extends WaitingQueue>(request: OrderRequest<Queue>): Choice<Queue> | null {
  const { queues, projects, nowMs } = request;
  const lanesOf = (queue: Queue): number =>
    (projects.get(queue.projectId)?.running ?? 0) + (request.given?.get(queue.projectId) ?? 0);
  const shareOf = (queue: Queue): number => lanesOf(queue) / (projects.get(queue.projectId)?.weight ?? 1);
  const open = queues.filter((queue) => lanesOf(queue) < (projects.get(queue.projectId)?.mostLanes ?? Infinity));
  const isStarving = (queue: Queue): boolean => lanesOf(queue) === 0 && nowMs - queue.waitingSinceMs >= STARVATION_MS;
  const rank = (queue: Queue): number[] => {
    const urgency = isStarving(queue) ? TOP_PRIORITY : isUrgent(queue) ? queue.priority : null;
    const within = [-queue.priority, queue.kindRank, request.isLocal?.(queue) === true ? 0 : 1, queue.waitingSinceMs];
    // Work ahead of the shares is in order of its urgency; the rest in order of its project's share.
    return urgency === null ? [1, 0, shareOf(queue), ...within] : [0, -urgency, shareOf(queue), ...within];
  };
  const [first, ...others] = open.map((queue) => ({ queue, rank: rank(queue) }));
  if (first === undefined) return null;
  const best = others.reduce((a, b) => (isBefore(b, a) ? b : a), first);
  const { queue } = best;
  const alone = open.every(({ projectId }) => projectId === queue.projectId);
  const ordinary = alone ? 'ONLY_PROJECT' : 'LEAST_SHARE';
  return { queue, reason: isUrgent(queue) ? 'URGENT' : isStarving(queue) ? 'STARVING' : ordinary };
}

function isUrgent({ priority }: WaitingQueue): boolean {
  return priority >= URGENT_PRIORITY;
}

interface Ranked {
  readonly queue: WaitingQueue;
  readonly rank: readonly number[];
}

function isBefore(a: Ranked, b: Ranked): boolean {
  const difference = compare(a.rank, b.rank);
  return difference === 0 ? a.queue.id < b.queue.id : difference < 0;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}
