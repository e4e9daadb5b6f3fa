import { type Misfit, MISFITS, misfits, type PlacementLane, type Requirements } from './fit.js';
import { nextWork, type ProjectShare, type WaitingQueue } from './order.js';

/** What keeps a shot's work from every lane, whatever lanes there are. */
export interface WorkHold {
  readonly paused?: boolean;
  /** Shots that must be ready first. */
  readonly waitsFor?: readonly string[];
  /** Those of them that failed, or were cancelled or revoked. */
  readonly failedBefore?: readonly string[];
  /** When the first of its failed shards is tried again; null when some may be leased now. */
  readonly retryAtMs?: number | null;
  /** The code of what the last try of a waiting shard failed with. */
  readonly failedWith?: string | null;
  /** Why nobody is given anything; null when leases are given. */
  readonly leasesHeld?: string | null;
}

/** Why work waits. */
export type WaitReason =
  | { readonly code: 'LEASES_ON_HOLD'; readonly because: string }
  | { readonly code: 'PAUSED' }
  | { readonly code: 'AFTER_OTHER_SHOTS'; readonly shots: readonly string[] }
  /** Some of these will not be ready by themselves. */
  | { readonly code: 'AFTER_FAILED_SHOTS'; readonly shots: readonly string[] }
  | { readonly code: 'RETRY_PAUSE'; readonly seconds: number; readonly because?: string }
  | { readonly code: 'NO_LANES' }
  /** Lanes that fit are all drained or set aside. */
  | { readonly code: 'LANES_OFF'; readonly lanes: number; readonly because?: readonly string[] }
  /** No lane that is there could do it; `misfits` has what keeps each of them from it, the rarest last. */
  | { readonly code: 'NO_LANE_FITS'; readonly misfits: readonly Misfit[] }
  /** It began with a class that no lane is of any more; others could do it. */
  | { readonly code: 'CLASS_GONE'; readonly parityClass: string }
  /** Every lane that fits has failed what waits, and leaves it to others until then. */
  | { readonly code: 'LANES_STAND_BACK'; readonly lanes: number; readonly seconds: number }
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

export interface WaitLane extends PlacementLane {
  readonly busy: boolean;
  readonly isOff?: boolean;
  /** The code that it is set aside for. */
  readonly offFor?: string | null;
  /** Until when it leaves all that waits of this to others; absent when it does not. */
  readonly standsBackUntilMs?: number;
}

export interface WaitRequest<Queue extends WaitingQueue & { readonly needs: Requirements }> {
  readonly nowMs: number;
  readonly queue: Queue;
  readonly queues: readonly Queue[];
  readonly projects: ReadonlyMap<string, ProjectShare>;
  readonly lanes: readonly WaitLane[];
  readonly hold?: WorkHold;
}

/** "Why is my shard waiting?": the one reason that holds now, by the rules that lanes are given work by. */
export function whyWaiting<Queue extends WaitingQueue & { readonly needs: Requirements }>(
  request: WaitRequest<Queue>,
): WaitReason {
  const { nowMs, queue, queues, projects, lanes } = request;
  const held = heldBy(request.hold ?? {}, nowMs);
  if (held !== null) return held;
  if (lanes.length === 0) return { code: 'NO_LANES' };
  const able = lanes.filter((lane) => misfits(lane, queue.needs).length === 0);
  if (able.length === 0)
    return lostClass(lanes, queue.needs) ?? { code: 'NO_LANE_FITS', misfits: commonMisfits(lanes, queue.needs) };
  const fitting = able.filter(({ isOff }) => isOff !== true);
  if (fitting.length === 0) {
    const because = [...new Set(able.flatMap(({ offFor }) => offFor ?? []))].toSorted();
    return { code: 'LANES_OFF', lanes: able.length, ...(because.length === 0 ? {} : { because }) };
  }
  const share = projects.get(queue.projectId);
  if (share?.mostLanes != null && share.running >= share.mostLanes) {
    return { code: 'PROJECT_AT_CAP', running: share.running, mostLanes: share.mostLanes };
  }
  const willing = fitting.filter(({ standsBackUntilMs }) => standsBackUntilMs === undefined);
  const lane = willing.find(({ busy }) => !busy) ?? willing[0];
  if (lane === undefined) {
    const untilMs = Math.min(...fitting.map(({ standsBackUntilMs }) => standsBackUntilMs ?? nowMs));
    const seconds = Math.max(1, Math.ceil((untilMs - nowMs) / 1000));
    return { code: 'LANES_STAND_BACK', lanes: fitting.length, seconds };
  }
  const doable = queues.filter(({ needs }) => misfits(lane, needs).length === 0);
  const choice = nextWork({ nowMs, queues: doable, projects });
  if (choice !== null && choice.queue.id !== queue.id) {
    return { code: 'BEHIND_OTHER_WORK', ahead: choice.queue.id, because: choice.reason };
  }
  return lane.busy ? { code: 'LANES_BUSY', lanes: willing.length } : { code: 'NEXT' };
}

function heldBy(
  { paused, waitsFor = [], failedBefore = [], retryAtMs = null, failedWith = null, leasesHeld = null }: WorkHold,
  nowMs: number,
): WaitReason | null {
  if (leasesHeld !== null) return { code: 'LEASES_ON_HOLD', because: leasesHeld };
  if (paused === true) return { code: 'PAUSED' };
  if (failedBefore.length > 0) return { code: 'AFTER_FAILED_SHOTS', shots: failedBefore };
  if (waitsFor.length > 0) return { code: 'AFTER_OTHER_SHOTS', shots: waitsFor };
  if (retryAtMs !== null && retryAtMs > nowMs) {
    const because = failedWith === null ? {} : { because: failedWith };
    return { code: 'RETRY_PAUSE', seconds: Math.ceil((retryAtMs - nowMs) / 1000), ...because };
  }
  return null;
}

/** Where just the class keeps all lanes from it, and none of that class is there, not even one that is off. */
function lostClass(lanes: readonly PlacementLane[], needs: Requirements): WaitReason | null {
  const { parityClass, ...others } = needs;
  if (parityClass == null || lanes.some((lane) => lane.parityClass === parityClass)) return null;
  return lanes.some((lane) => misfits(lane, others).length === 0) ? { code: 'CLASS_GONE', parityClass } : null;
}

const LACKS: Readonly<Record<Misfit, string>> = {
  KIND: 'do not do this kind of work',
  PARITY_CLASS: 'are not of the parity class that the shot began with',
  PROVIDER: 'have another provider',
  PRECISION: 'compute in another precision',
  VRAM: 'have too little GPU memory',
  COMPUTE_CAPABILITY: 'have too old a GPU',
  MODEL: 'lack a model',
  POOL: 'are not of its pool',
  PROJECT: 'are tied to other projects',
};
const AHEAD = {
  URGENT: 'it is urgent',
  STARVING: 'it waited too long already',
  LEAST_SHARE: 'its project has less than its share',
  ONLY_PROJECT: 'it is of higher priority or older',
} as const;

/** The reason in one line, for a person. */
export function sayWait(reason: WaitReason): string {
  switch (reason.code) {
    case 'LEASES_ON_HOLD':
      return `no lane is given work: ${reason.because}`;
    case 'PAUSED':
      return 'it is paused';
    case 'AFTER_OTHER_SHOTS':
      return `it waits for ${reason.shots.length} other shot${reason.shots.length === 1 ? '' : 's'} to be ready`;
    case 'AFTER_FAILED_SHOTS':
      return `${reason.shots.length} of the shots that it waits for failed or ended otherwise; retry or resubmit them`;
    case 'RETRY_PAUSE':
      return `what failed${saidOf(reason.because)} is tried again in ${reason.seconds} s`;
    case 'NO_LANES':
      return 'no lane is there; start one with: understudy worker';
    case 'LANES_OFF':
      return `the ${reason.lanes} lane(s) that could do it are drained or set aside${saidOf(reason.because?.join(', '))}`;
    case 'NO_LANE_FITS':
      return `no lane can do it: lanes ${reason.misfits.map((misfit) => LACKS[misfit]).join(', or ')}`;
    case 'CLASS_GONE':
      return `it began on lanes of the class "${reason.parityClass}", and none is there any more: start one, or render all of its frames anew with: understudy retry --any-class`;
    case 'LANES_STAND_BACK':
      return `the ${reason.lanes} lane(s) that could do it have failed it and leave it to others for ${reason.seconds} s more`;
    case 'PROJECT_AT_CAP':
      return `its project has ${reason.running} of at most ${reason.mostLanes} lanes`;
    case 'BEHIND_OTHER_WORK':
      return `other work goes first: ${AHEAD[reason.because]}`;
    case 'LANES_BUSY':
      return `the ${reason.lanes} lane(s) that can do it are at work; it is next`;
    case 'NEXT':
      return 'a free lane gets it at its next request';
  }
}

const saidOf = (code: string | undefined): string => (code === undefined ? '' : ` (${code})`);

/** What keeps the lanes from it, the most frequent first. */
function commonMisfits(lanes: readonly PlacementLane[], needs: Requirements): Misfit[] {
  const all = lanes.flatMap((lane) => misfits(lane, needs));
  const times = (misfit: Misfit): number => all.filter((one) => one === misfit).length;
  return MISFITS.filter((misfit) => times(misfit) > 0).toSorted((a, b) => times(b) - times(a));
}
