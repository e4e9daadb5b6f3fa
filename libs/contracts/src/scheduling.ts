import { z } from 'zod';
import { Instant, Reason, Uuid } from './ids.js';
import { Pool } from './lanes.js';

/** Why the shards of a shot wait. */
export const WAIT_CODES = [
  /** No lane is given anything: the audit log is behind what was kept outside the database. */
  'LEASES_ON_HOLD',
  'PAUSED',
  'AFTER_OTHER_SHOTS',
  /** Some of those failed, or were cancelled or revoked. */
  'AFTER_FAILED_SHOTS',
  /** They failed and are tried again after a pause. */
  'RETRY_PAUSE',
  'NO_LANES',
  'NO_LANE_FITS',
  /** It began on lanes of a parity class that none is of any more. */
  'CLASS_GONE',
  /** Lanes that fit are all drained or set aside. */
  'LANES_OFF',
  /** Lanes that fit have all failed what waits, and leave it to others for a while. */
  'LANES_STAND_BACK',
  'PROJECT_AT_CAP',
  'BEHIND_OTHER_WORK',
  'LANES_BUSY',
  /** A lane that fits is free: it gets one at its next request. */
  'NEXT',
] as const;
export const WaitCode = z.enum(WAIT_CODES);
export type WaitCode = z.infer<typeof WaitCode>;

/** How a shot stands with the lanes: why it waits, how long it still takes, what it has cost. */
export const ShotOutlook = z.object({
  /** Null when nothing of it waits for a lane. */
  waiting: z.object({ code: WaitCode, text: z.string(), details: z.record(z.string(), z.unknown()) }).nullable(),
  priority: z.int(),
  pausedAt: Instant.nullable(),
  /** What is set aside failed for good; the shot fails with it once the others are done, and `retry` tries it anew. */
  shards: z.object({ waiting: z.int(), running: z.int(), setAside: z.int() }),
  /** To the end of the present stage, by what its own finished shards took; null before one is finished. */
  etaSeconds: z.number().nullable(),
  /** Of lanes at work for any version of the shot: what counted, and what was lost to failures, stops and silence. */
  laneSeconds: z.object({ accepted: z.number(), lost: z.number(), running: z.number() }),
});
export type ShotOutlook = z.infer<typeof ShotOutlook>;

export const SetPriority = z.object({
  /** From 90 on it goes before everybody's share. */
  priority: z.int().min(0).max(100),
  /** Lanes at less urgent work that could do this hand theirs back at once, instead of at the end of their shards. */
  yieldNow: z.boolean().default(false),
  reason: Reason,
});
export const PauseShot = z.object({ reason: Reason });
export const RetryShot = z.object({
  reason: Reason,
  /**
   * Renders all of its frames anew, as a version that is free of the parity class it began with; also of a shot that is
   * rendering. Nothing that was made so far is joined with it.
   */
  anyClass: z.boolean().default(false),
});

export const DrainLane = z.object({
  /** It hands its task back at once, instead of finishing it. */
  now: z.boolean().default(false),
  reason: Reason,
});
/** Also forgives a lane that was set aside. */
export const UndrainLane = z.object({ reason: Reason });
export const SetPools = z.object({ pools: z.array(Pool).max(20) });

export const ProjectShare = z.object({
  /** In proportion to it lanes are shared while several projects want some. */
  weight: z.int().min(1).max(1000),
  /** The most lanes at once; null for no limit. */
  mostLanes: z.int().min(0).max(100_000).nullable(),
});
export const ProjectCost = z.object({
  projectId: Uuid,
  shots: z.int(),
  laneSeconds: z.object({ accepted: z.number(), lost: z.number(), running: z.number() }),
});
