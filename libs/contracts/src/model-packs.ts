import { z } from 'zod';

import { Instant, Sha256, Uuid } from './ids.js';
import { ModelManifestDocument, PackRole } from './pack-manifest.js';

/** A version of a pack that the farm knows. */
export const ModelPack = z.object({
  id: Uuid,
  pack: z.string(),
  version: z.string(),
  /** Of the manifest's canonical JSON. */
  sha256: Sha256,
  role: PackRole,
  family: z.string(),
  licence: z.string(),
  commercialUse: z.boolean(),
  /** Approved by another person than the one who added it. */
  approved: z.boolean(),
  /** The version that a recipe means when it names none. */
  isDefault: z.boolean(),
  /** Whose model it is, where it is one performer's (family `dfm`): it is run for cast members of that identity alone. */
  performerId: Uuid.nullable(),
  addedBy: Uuid,
  approvedBy: Uuid.nullable(),
  /** Lanes on which it passed its self-test, and on which it did not. */
  lanes: z.object({ passed: z.int(), failed: z.int() }),
  createdAt: Instant,
});
export type ModelPack = z.infer<typeof ModelPack>;

export const AddModelPack = z
  .object({
    manifest: ModelManifestDocument,
    /** Required of a performer's own model (family `dfm`), and of no other. */
    performerId: Uuid.optional(),
  })
  .refine(
    ({ manifest, performerId }) => (manifest.decode.family === 'dfm') === (performerId !== undefined),
    "a performer's own model (family dfm) names the performer, and no other pack does",
  );
