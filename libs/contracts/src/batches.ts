import { z } from 'zod';
import { Instant, Name, Uuid } from './ids.js';
import { WaitCode } from './scheduling.js';
import { ShotState } from './shots.js';

/** Shots of a project that are watched and ordered as one. Any shot of the project may join at any time. */
export const Batch = z.object({ id: Uuid, projectId: Uuid, name: Name, shots: z.int(), createdAt: Instant });
export type Batch = z.infer<typeof Batch>;

/** How they stand together. */
export const BatchStanding = z.object({
  id: Uuid,
  projectId: Uuid,
  name: Name,
  /** Of the newest versions, how many stand in each state that some are in. */
  shots: z.array(z.object({ state: ShotState, shots: z.int() })),
  /** Whether every shot is in a state that it leaves only by a person's act, or never. */
  settled: z.boolean(),
  /** Rendered frames; `total` is null while the frames of some shot are still to be counted. */
  frames: z.object({ total: z.int().nullable(), rendered: z.int() }),
  /** Of rendering. */
  shards: z.object({ total: z.int(), accepted: z.int(), waiting: z.int(), running: z.int() }),
  /**
   * To the end of rendering, by what the batch's own finished shards took on the lanes that it has; null before one is
   * finished, while no lane renders for it, and while frames are still to be counted.
   */
  etaSeconds: z.number().nullable(),
  laneSeconds: z.object({ accepted: z.number(), lost: z.number(), running: z.number() }),
  /** Why shots of it wait for lanes: of the first twenty that do, the reasons and how many have each. */
  waiting: z.array(z.object({ code: WaitCode, text: z.string(), shots: z.int() })),
});
export type BatchStanding = z.infer<typeof BatchStanding>;

/** What an act on a batch came to; shots that have ended are left as they are. */
export const BatchActed = z.object({ acted: z.int(), left: z.int() });
export type BatchActed = z.infer<typeof BatchActed>;
