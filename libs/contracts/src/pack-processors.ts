import { z } from 'zod';

import type { Operation } from './consent.js';
import { Sha256 } from './ids.js';
import { ModelContract, ModelManifestDocument } from './pack-manifest.js';
import { overridesForMembers } from './recipe-overrides.js';

/** A version of a pack, as a plan pins it. Without a version the farm's default is taken when the shot is planned. */
export const PackReference = z.object({
  id: ModelContract.shape.id,
  version: ModelManifestDocument.shape.version.optional(),
  /** SHA-256 of the manifest, which names every file by hash; the plan fills it in. */
  sha256: Sha256.optional(),
});
export type PackReference = z.infer<typeof PackReference>;

/** The restorer that needs no pack: fine detail brought back by filters. No pack may take its name. */
export const CLASSICAL_RESTORER = 'classical';

/** Where a face is written: the crop with a soft border, or the hull of its landmarks. */
export const FaceShape = z.enum(['box', 'hull']);

/** Width of the soft edge in parts of the crop's side. */
const feather = z.number().min(0.01).max(0.5);
/** 0 keeps the plate, 1 writes the whole face. */
const strength = z.number().min(0).max(1);
/** `match` gives a swapped face the broad light and colour of the plate's skin, `none` leaves what the network gave it. */
export const FaceColour = z.enum(['match', 'none']);
/** `poisson` makes a face meet the plate along its mask's edge, `alpha` mixes the two there. */
export const FaceBlend = z.enum(['alpha', 'poisson']);

/** Read by performer models that morph. */
const morph = z.number().min(0).max(1);

/** Networks that say what covers a face; without them everything inside its shape is written. */
export const masks = {
  /** Hands, hair, things before it. */
  occlusion: PackReference.optional(),
  /** What is skin, brows, eyes, nose and mouth. */
  regions: PackReference.optional(),
};

const edge = {
  feather: feather.default(0.12),
  shape: FaceShape.default('hull'),
  blend: FaceBlend.default('poisson'),
  ...masks,
};

/** Replaces a face by a pack's network. A consent for `replace` is what it needs. */
export const SwapProcessor = z.object({
  type: z.literal('swap'),
  settings: z.object({
    swapper: PackReference,
    /** The one that the swapper was trained with; image swappers and performer models need none. */
    recogniser: PackReference.optional(),
    strength: strength.default(1),
    morph: morph.default(1),
    colour: FaceColour.default('match'),
    ...edge,
  }),
  /** Other networks are named for members as a whole: what a track is made of is opened before its frames. */
  overrides: overridesForMembers(
    z.object({
      strength,
      morph,
      feather,
      shape: FaceShape,
      colour: FaceColour,
      blend: FaceBlend,
      swapper: PackReference,
      recogniser: PackReference,
    }),
  ).refine(
    (overrides) => overrides?.every((one) => !namesNetworks(one) || (one.cast !== undefined && !one.frames)) ?? true,
    'a swapper or recogniser is named for cast members, in all frames',
  ),
});
export type SwapProcessor = z.infer<typeof SwapProcessor>;

export interface SwapNetworks {
  readonly swapper: PackReference;
  readonly recogniser?: PackReference | undefined;
}

function namesNetworks({ settings }: { readonly settings: object }): boolean {
  return 'swapper' in settings || 'recogniser' in settings;
}

/** The networks that replace a member's face; of several overrides a later one wins. */
export function swapNetworksOf({ settings, overrides = [] }: SwapProcessor, cast: number): SwapNetworks {
  const own = overrides.filter((one) => one.cast?.includes(cast) === true).map((one) => one.settings);
  return {
    swapper: own.findLast(({ swapper }) => swapper !== undefined)?.swapper ?? settings.swapper,
    recogniser: own.findLast(({ recogniser }) => recogniser !== undefined)?.recogniser ?? settings.recogniser,
  };
}

/** Restores a face by a pack's network, or by filters (`classical`). A consent for `restore` is what it needs. */
export const RestoreProcessor = z.object({
  type: z.literal('restore'),
  settings: z
    .object({
      restorer: PackReference.default({ id: CLASSICAL_RESTORER }),
      strength: strength.default(0.8),
      /** For networks with such an input: 0 most changed, 1 most faithful. */
      weight: z.number().min(0).max(1).default(0.5),
      /** For `classical`: the fine detail that is aimed at, in parts of what the plate's own face has. */
      sharpness: z.number().min(0.5).max(3).default(1.2),
      /**
       * How far identity may drift (1 less the cosine). Where a track's sampled frames drift further, its strength is
       * lowered until they hold. 2 bounds nothing.
       */
      maxDrift: z.number().min(0).max(2).default(0.1),
      ...edge,
    })
    .prefault({}),
  /** The bound on drift holds for all of them: it is found for the largest strength that a track is given. */
  overrides: overridesForMembers(z.object({ strength })),
});
export type RestoreProcessor = z.infer<typeof RestoreProcessor>;

export const PackProcessor = z.discriminatedUnion('type', [SwapProcessor, RestoreProcessor]);
export type PackProcessor = z.infer<typeof PackProcessor>;

/** What a consent must name for a processor to touch a face: a swap is a replacement, by whatever means. */
export function operationOfPackProcessor(processor: PackProcessor): Operation {
  return processor.type === 'swap' ? 'replace' : 'restore';
}
