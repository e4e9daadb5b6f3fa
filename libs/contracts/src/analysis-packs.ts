import { z } from 'zod';

import { PackReference } from './pack-processors.js';
import type { NamedPack } from './recipe-packs.js';

/** The packs that find faces and their points in a plate; the built-in models do what is absent. */
export const AnalysisPacks = z.strictObject({
  detector: PackReference.optional(),
  /** 68 points in iBUG order, of the faces that the detector found. */
  landmarks: PackReference.optional(),
});
export type AnalysisPacks = z.infer<typeof AnalysisPacks>;

const SLOTS = ['detector', 'landmarks'] as const;

/** Every pack that an analysis names. */
export function packsOfAnalysis(analysis: AnalysisPacks): NamedPack[] {
  return SLOTS.flatMap((role) => {
    const reference = analysis[role];
    return reference === undefined ? [] : [{ reference, role }];
  });
}

/** The same with every pack replaced by what `pin` makes of it. */
export function withAnalysisPacks(analysis: AnalysisPacks, pin: (named: NamedPack) => PackReference): AnalysisPacks {
  return Object.fromEntries(packsOfAnalysis(analysis).map((named) => [named.role, pin(named)]));
}
