import { z } from 'zod';
import { Instant, Reason, Uuid } from './ids.js';

export const AskKeyDestruction = z.object({
  /** The project's name once more, so that nobody ends another one by its id. */
  project: z.string().min(1).max(200),
  reason: Reason,
});

/** The end of a project's key, and with it of all that was sealed under it: asked for by one person, approved by another. */
export const KeyDestruction = z.object({
  id: Uuid,
  projectId: Uuid,
  project: z.string(),
  reason: z.string(),
  askedBy: Uuid,
  createdAt: Instant,
  expiresAt: Instant,
  /** From here on everything of the project is refused; null while it waits for a second person. */
  approvedAt: Instant.nullable(),
  /** When nothing was left and the log had the certificate; null until then. */
  certifiedAt: Instant.nullable(),
});
export type KeyDestruction = z.infer<typeof KeyDestruction>;
