import { z } from 'zod';
import { Instant, Reason, Sha256, Uuid } from './ids.js';

/** What people typed into these events is to be erased; the events stay. Either by id, or of all that speaks of somebody. */
export const AskErasure = z
  .object({
    /** Null for events of the farm. */
    projectId: Uuid.nullable(),
    eventIds: z.array(Uuid).max(1000).default([]),
    /** Somebody or something that events are about: a person, a performer and their consents, a consent, a shot. */
    about: Uuid.optional(),
    reason: Reason,
  })
  .refine(
    ({ eventIds, about }) => eventIds.length > 0 || about !== undefined,
    'name the events, or whom they are about',
  );

/** An erasure that one person asked for; another approves it. */
export const AuditErasure = z.object({
  id: Uuid,
  projectId: Uuid.nullable(),
  eventIds: z.array(Uuid),
  reason: z.string(),
  askedBy: Uuid,
  createdAt: Instant,
  expiresAt: Instant,
  /** Values deleted; null while it waits. */
  erased: z.int().nullable(),
});
export type AuditErasure = z.infer<typeof AuditErasure>;

const Head = z.object({ size: z.int(), rootHash: Sha256 });

/** A database that is not the one that was anchored, and who said so far that it may go on. */
export const Restore = z.object({
  /** Why no lease is given; null while the log and its anchor agree. */
  held: z.string().nullable(),
  /** What the newest anchor vouches for; null where nothing is anchored. */
  anchored: Head.nullable(),
  log: Head,
  asked: z.object({ by: Uuid, reason: z.string(), expiresAt: Instant }).nullable(),
});
export type Restore = z.infer<typeof Restore>;
