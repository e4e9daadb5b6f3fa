import { z } from 'zod';

import type { Operation } from './consent.js';
import { ModelContract, ModelManifestDocument } from './pack-manifest.js';

/** A version of a pack, as a plan pins it. Without a version the farm's default is taken when the shot is planned. */
export const PackReference = z.object({
  id: ModelContract.shape.id,
  version: ModelManifestDocument.shape.version.optional(),
});
export type PackReference = z.infer<typeof PackReference>;

/** Where a face is written: the crop with a soft border, or the hull of its landmarks. */
export const FaceShape = z.enum(['box', 'hull']);

const edge = {
  /** Width of the soft edge in parts of the crop's side. */
  feather: z.number().min(0.01).max(0.5).default(0.12),
  shape: FaceShape.default('hull'),
  /** A network that says what covers the face; without it everything inside the shape is written. */
  occlusion: PackReference.optional(),
};

/** Replaces a face by a pack's network. A consent for `replace` is what it needs. */
export const SwapProcessor = z.object({
  type: z.literal('swap'),
  settings: z.object({
    swapper: PackReference,
    /** The one that the swapper was trained with; image swappers and performer models need none. */
    recogniser: PackReference.optional(),
    regions: PackReference.optional(),
    /** 0 keeps the plate, 1 writes the whole face. */
    strength: z.number().min(0).max(1).default(1),
    /** Read by performer models that morph. */
    morph: z.number().min(0).max(1).default(1),
    ...edge,
  }),
});
export type SwapProcessor = z.infer<typeof SwapProcessor>;

/** Restores a face by a pack's network. */
export const RestoreProcessor = z.object({
  type: z.literal('restore'),
  settings: z.object({
    restorer: PackReference,
    /** 0 keeps the plate, 1 is the network's face alone. */
    strength: z.number().min(0).max(1).default(0.8),
    /** For networks with such an input: 0 most changed, 1 most faithful. */
    weight: z.number().min(0).max(1).default(0.5),
    /** How far identity may drift (1 less the cosine) before the strength is lowered; absent it is not measured. */
    maxDrift: z.number().min(0).max(2).optional(),
    ...edge,
  }),
});
export type RestoreProcessor = z.infer<typeof RestoreProcessor>;

export const PackProcessor = z.discriminatedUnion('type', [SwapProcessor, RestoreProcessor]);
export type PackProcessor = z.infer<typeof PackProcessor>;

/** What a consent must name for a processor to touch a face: a swap is a replacement, by whatever means. */
export function operationOfPackProcessor(processor: PackProcessor): Operation {
  return processor.type === 'swap' ? 'replace' : 'restore';
}
