import { z } from 'zod';
import { Instant, Uuid } from './ids.js';

/** The account for the day when nobody else can get in. */
export const BreakGlass = z.object({
  /** `none`: never sealed; `sealed`: its password opens it; `open`; `over`: it was opened, and opens no more until it is sealed anew. */
  state: z.enum(['none', 'sealed', 'open', 'over']),
  openUntil: Instant.nullable(),
  /** Who asked for a new seal, while another org admin has to put it. */
  askedBy: Uuid.nullable(),
});
export type BreakGlass = z.infer<typeof BreakGlass>;

/** One of the two halves of its password, which are joined by a dash. Shown once. */
export const BreakGlassHalf = z.object({ email: z.string(), half: z.enum(['first', 'second']), secret: z.string() });
