/** From this priority on work goes before everybody's share: a shot that somebody waits for now. */
export const URGENT_PRIORITY = 90;
/** A project that was given no lane for so long, though it has work, goes before the others' ordinary work. */
export const STARVATION_MS = 30 * 60_000;
/** Waiting raises the priority that work has within its project by one each, up to just below the urgent ones. */
export const AGE_MS_A_POINT = 3 * 60_000;
/** Before and after all that is urgent. */
const BEFORE_URGENT = -101;
const AFTER_URGENT = 0;

/** A project's claim on the lanes. */
export interface ProjectShare {
  readonly projectId: string;
  /** In proportion to it lanes are shared while several projects want some; what one leaves, the others borrow. */
  readonly weight: number;
  /** The most lanes it may have at once; null for no limit. */
  readonly mostLanes: number | null;
  /** Lanes at work for it now. */
  readonly running: number;
  /** Those of them that are at urgent work. */
  readonly urgentRunning: number;
  /** When it was last given a lane; null for never. */
  readonly servedAtMs: number | null;
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
  /** How many of these are for urgent work. */
  readonly urgentGiven?: number;
  /** Whether the lane holds what the work needs; it goes before work of the same project that is only older. */
  readonly isLocal?: (queue: Queue) => boolean;
}

/**
 * The work that a free lane gets: urgent work first, then that of projects that starve; then the project that has the fewest
 * lanes for its weight; within a project by priority, which grows with age, what rendering waits for, what the lane holds
 * already, age. Once urgent work has more than half of the lanes, the projects that starve go before it: so whatever is urgent
 * begins with the next free lane however many starve, and no stream of urgent work keeps the others from all lanes (but from
 * the one of a farm that has just one). Pure, so that a claim, the console's explanation and a simulation decide alike.
 *
 * @returns null when nothing may be given: there is nothing, or every project is at its cap
 */
export function nextWork<Queue extends WaitingQueue>(request: OrderRequest<Queue>): Choice<Queue> | null {
  const { queues, projects, nowMs } = request;
  const lanesOf = (projectId: string): number =>
    (projects.get(projectId)?.running ?? 0) + (request.given?.get(projectId) ?? 0);
  const shareOf = (projectId: string): number => lanesOf(projectId) / (projects.get(projectId)?.weight ?? 1);
  const open = queues.filter(({ projectId }) => lanesOf(projectId) < (projects.get(projectId)?.mostLanes ?? Infinity));
  const starving = starvingSince(open, request, lanesOf);
  const starvingRank = hasMoreThanHalf(request) ? BEFORE_URGENT : AFTER_URGENT;
  const rank = (queue: Queue): number[] => {
    const { projectId, kindRank, waitingSinceMs } = queue;
    const within = [-agedPriority(queue, nowMs), kindRank, request.isLocal?.(queue) === true ? 0 : 1, waitingSinceMs];
    // Work ahead of the shares is in order of its urgency, or of how long its project was given nothing.
    if (isUrgent(queue)) return [0, -queue.priority, shareOf(projectId), ...within];
    const since = starving.get(projectId);
    return since === undefined ? [1, 0, shareOf(projectId), ...within] : [0, starvingRank, since, ...within];
  };
  const [first, ...others] = open.map((queue) => ({ queue, rank: rank(queue) }));
  if (first === undefined) return null;
  const best = others.reduce((a, b) => (isBefore(b, a) ? b : a), first);
  const { queue } = best;
  const alone = open.every(({ projectId }) => projectId === queue.projectId);
  const ordinary = alone ? 'ONLY_PROJECT' : 'LEAST_SHARE';
  return { queue, reason: isUrgent(queue) ? 'URGENT' : starving.has(queue.projectId) ? 'STARVING' : ordinary };
}

/** Whether somebody waits for it now. */
export function isUrgent({ priority }: Pick<WaitingQueue, 'priority'>): boolean {
  return priority >= URGENT_PRIORITY;
}

/** The priority that it has within its project by now. */
function agedPriority(queue: WaitingQueue, nowMs: number): number {
  const { priority, waitingSinceMs } = queue;
  if (isUrgent(queue)) return priority;
  return Math.min(URGENT_PRIORITY - 1, priority + Math.max(0, Math.floor((nowMs - waitingSinceMs) / AGE_MS_A_POINT)));
}

/** The projects that starve, and since when each was given nothing though it had work. */
function starvingSince(
  queues: readonly WaitingQueue[],
  { projects, nowMs }: Pick<OrderRequest<WaitingQueue>, 'projects' | 'nowMs'>,
  lanesOf: (projectId: string) => number,
): Map<string, number> {
  const since = new Map<string, number>();
  for (const { projectId, waitingSinceMs } of queues) {
    if (lanesOf(projectId) > 0) continue;
    const unservedMs = Math.max(waitingSinceMs, projects.get(projectId)?.servedAtMs ?? -Infinity);
    if (nowMs - unservedMs >= STARVATION_MS)
      since.set(projectId, Math.min(unservedMs, since.get(projectId) ?? Infinity));
  }
  return since;
}

/** Whether more than half of the lanes at work, for whoever has more to do, are at urgent work. */
function hasMoreThanHalf({
  projects,
  given,
  urgentGiven = 0,
}: Pick<OrderRequest<WaitingQueue>, 'projects' | 'given' | 'urgentGiven'>): boolean {
  let [all, urgent] = [0, urgentGiven];
  for (const { running, urgentRunning } of projects.values()) [all, urgent] = [all + running, urgent + urgentRunning];
  for (const lanes of given?.values() ?? []) all += lanes;
  return urgent * 2 > all;
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
