import { z } from 'zod';

const Faults = z.array(z.object({ reason: z.string(), track: z.int(), frames: z.array(z.int()) }));

/** Kept with a delivery that is verified: what lanes were asked, and for which faces it was held before. */
const GateNote = z.object({ asked: z.boolean(), unsampled: z.int(), heldFor: Faults });
export type GateNote = z.infer<typeof GateNote>;
export type HeldFor = GateNote['heldFor'];

const FRESH: GateNote = { asked: false, unsampled: 0, heldFor: [] };

/** Each of them once. */
export function eachOnce(faults: HeldFor): HeldFor {
  const known = new Map(faults.map((fault) => [JSON.stringify([fault.reason, fault.track, fault.frames]), fault]));
  return [...known.values()];
}

/** @param verification of the delivery, as far as it is known */
export function gateNote(verification: Readonly<Record<string, unknown>> | null): GateNote {
  if (verification === null) return FRESH;
  return GateNote.safeParse(verification['gate']).data ?? { ...FRESH, asked: true };
}
