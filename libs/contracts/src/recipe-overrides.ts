import { z } from 'zod';

import { FrameRange } from './ids.js';

/** Most overrides of one processor. */
const MOST = 256;

const where = {
  /** Members of the cast, as numbered by the submission from 0; absent: all of them. */
  cast: z.array(z.int().min(0)).min(1).max(64).optional(),
  /** Absent: every frame. */
  frames: FrameRange.optional(),
};

const says = (one: { readonly cast?: unknown; readonly frames?: unknown; readonly settings: object }): boolean =>
  (one.cast !== undefined || one.frames !== undefined) && Object.keys(one.settings).length > 0;
const SAYS = 'an override names cast members or frames, and a setting';

/** Other settings for some members of the cast, some frames, or both. Of several that fit a later one wins. */
export function overridesForMembers<Shape extends z.ZodRawShape>(settings: z.ZodObject<Shape>) {
  return z
    .array(z.strictObject({ ...where, settings: z.strictObject(settings.shape).partial() }).refine(says, SAYS))
    .max(MOST)
    .optional();
}

/** The same for what is done to people outside the cast. */
export function overridesForFrames<Shape extends z.ZodRawShape>(settings: z.ZodObject<Shape>) {
  return z
    .array(
      z.strictObject({ frames: FrameRange, settings: z.strictObject(settings.shape).partial() }).refine(says, SAYS),
    )
    .max(MOST)
    .optional();
}

/** An override as processors have it, whatever its settings. */
export interface SettingsOverride {
  readonly cast?: readonly number[] | undefined;
  readonly frames?: FrameRange | undefined;
  readonly settings: object;
}

/** The settings that hold for a face: those of the processor, changed by the overrides that fit, in their order. */
export function settingsAt<Settings extends object>(
  processor: { readonly settings: Settings; readonly overrides?: readonly SettingsOverride[] | undefined },
  frameNumber: number,
  cast?: number,
): Settings {
  const { settings, overrides } = processor;
  if (overrides === undefined) return settings;
  const fitting = overrides.filter(({ cast: members, frames }) => {
    if (members !== undefined && (cast === undefined || !members.includes(cast))) return false;
    return frames === undefined || (frameNumber >= frames.startFrame && frameNumber < frames.endFrame);
  });
  return fitting.reduce<Settings>((all, { settings: changed }) => ({ ...all, ...changed }), settings);
}
