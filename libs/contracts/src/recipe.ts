import { z } from 'zod';

import { masks, RestoreProcessor, SwapProcessor } from './pack-processors.js';
import { overridesForFrames, overridesForMembers } from './recipe-overrides.js';

/** `stranger` shows the face of a drawn person who does not exist; none of them shows anything of the one covered. */
export const ANONYMISE_STYLES = ['blur', 'pixelate', 'solid', 'stranger'] as const;
export type AnonymiseStyle = (typeof ANONYMISE_STYLES)[number];

const replacing = z.object({
  /** 0 keeps the plate, 1 is the full replacement. */
  strength: z.number().min(0).max(1),
  /** Width of the soft edge in parts of the face's width. */
  feather: z.number().min(0.01).max(0.5),
});

export const ReplaceProcessor = z.object({
  type: z.literal('replace'),
  settings: z
    .object({
      strength: replacing.shape.strength.default(1),
      feather: replacing.shape.feather.default(0.05),
      ...masks,
    })
    .prefault({}),
  overrides: overridesForMembers(replacing),
});

const covering = z.object({
  style: z.enum(ANONYMISE_STYLES),
  /** How far the covered region reaches beyond the landmarks' hull, in parts of the face's height. */
  margin: z.number().min(0).max(1),
});

export const AnonymiseProcessor = z.object({
  type: z.literal('anonymise'),
  settings: z
    .object({ style: covering.shape.style.default('blur'), margin: covering.shape.margin.default(0.25) })
    .prefault({}),
  overrides: overridesForFrames(covering),
});

export const Processor = z.discriminatedUnion('type', [
  ReplaceProcessor,
  AnonymiseProcessor,
  SwapProcessor,
  RestoreProcessor,
]);
export type Processor = z.infer<typeof Processor>;

/** The ordered processors a shot runs. */
export const Recipe = z.object({ processors: z.array(Processor).min(1).max(8) });
export type Recipe = z.infer<typeof Recipe>;

export const RECIPE_PRESETS = ['replace', 'replace+restore', 'anonymise', 'restore'] as const;
export const RecipePreset = z.enum(RECIPE_PRESETS);
export type RecipePreset = z.infer<typeof RecipePreset>;

/** Processors in their order, all with their defaults. */
export function recipePreset(preset: RecipePreset): Recipe {
  return Recipe.parse({ processors: preset.split('+').map((type) => ({ type })) });
}

export const Encoding = z.object({
  /** `lossless` keeps every sample; `delivery` encodes for viewing. */
  mode: z.enum(['lossless', 'delivery']).default('delivery'),
  crf: z.int().min(0).max(51).default(16),
  preset: z
    .enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow', 'slower'])
    .default('veryfast'),
});
export type Encoding = z.infer<typeof Encoding>;
