import { recipePreset, type Processor } from '@understudy/contracts';

/** Settings of `replace`. Lengths are in outer-eye-corner distances of the face, so they hold at any size. */
export interface ReplaceSettings {
  /** Width of the mean that is taken for the scene's broad light. */
  readonly lightSigma: number;
  /** Width of the narrower mean that still counts as light on the head's form. */
  readonly formSigma: number;
  /** Width to which the result's mean light and colour are made the plate's. */
  readonly matchSigma: number;
  /** Width to which the identity's colour is smoothed. */
  readonly colourSigma: number;
  /** Log difference from the skin around at which a pixel counts half as skin. */
  readonly lightOutlier: number;
  /** Largest standard deviation (log) of form an identity image may bring: harder light is toned down to it. */
  readonly formSpread: number;
  /** Share of the form taken from the identity; the rest is the plate's. */
  readonly identityForm: number;
  /** How much the brows of an identity count as skin when its light is measured. */
  readonly faintBrow: number;
  /** Window and linear amplitude (0..1) of the speckle (paint, compression, grain) that is smoothed out of the identity. */
  readonly speckleSigma: number;
  readonly speckle: number;
  /** Log amplitude to which bright fine structure is bent; twice that between the lids. */
  readonly brightLimit: number;
  /** Log amplitude to which fine structure is bent: on skin, on lips and nostrils, on eyes and brows. */
  readonly skinLimit: number;
  readonly lipLimit: number;
  readonly featureLimit: number;
  /** Depth (log, 5th percentile) that eyes, brows, nostrils and lips are brought to, by at most the gain limit. */
  readonly featureDepth: number;
  readonly gainLimit: number;
  /** Interquartile range (log) that structure may have on skin: what hard light makes stronger is toned down. */
  readonly skinRange: number;
  /** Structure coarser than this is made alike on both sides of the face: what differs there is mostly the light. */
  readonly middleSigma: number;
  /** Structure finer than this is taken from the plate's own skin. */
  readonly poreSigma: number;
  /** Share of the identity's local colour that is carried over, on skin and on the lips. */
  readonly skinColour: number;
  readonly lipColour: number;
  /** How much redder skin gets where the identity's texture darkens it, in log colour per log luma. */
  readonly shadeWarmth: number;
  /** Share of the plate's local colour (make-up, lips, blush) that is kept, and the width it is smoothed to. */
  readonly plateColour: number;
  readonly plateColourSigma: number;
  /** How far brows, eyes and nose move from the plate's places to the identity's, 0..1. */
  readonly browShare: number;
  readonly eyeShare: number;
  readonly noseShare: number;
  /** Identity faces with fewer pixels than this between the outer eye corners are enlarged before use. */
  readonly upsampleBelow: number;
  /** Acutance given back to enlarged images, 0 none. */
  readonly sharpen: number;
  /** How far the mask is drawn in from the outline, as a part of the distance to the face's middle. */
  readonly jawInset: number;
  /** How far up the forehead the mask reaches, 0 (just above the brows) to 1 (the usual hairline). */
  readonly foreheadReach: number;
  /** Width of the mask's soft edge. */
  readonly feather: number;
  /** From the rim inwards the result's broad colour turns from the plate's into the identity's over this width... */
  readonly rimWidth: number;
  /** ...where broad is what a mean of this width keeps; what is finer fades over the feather alone. */
  readonly rimSigma: number;
  /** How much of the plate's own eyes is kept between the lids, 0..1. */
  readonly keepEyes: number;
  /** How much of the plate's finest structure (pores, grain) is kept on skin, 0..1. */
  readonly plateGrain: number;
  /** Work is done at the largest size that keeps the eye distance at or below this many pixels. */
  readonly workScale: number;
}

const LOOK: Omit<ReplaceSettings, 'feather'> = {
  lightSigma: 0.3,
  formSigma: 0.1,
  matchSigma: 0.25,
  colourSigma: 0.03,
  lightOutlier: 0.8,
  formSpread: 0.09,
  identityForm: 0.6,
  faintBrow: 0.25,
  speckleSigma: 0.018,
  speckle: 0.03,
  brightLimit: 0.32,
  skinLimit: 0.22,
  lipLimit: 0.7,
  featureLimit: 1.4,
  featureDepth: 1,
  gainLimit: 1.1,
  skinRange: 0.09,
  middleSigma: 0.045,
  poreSigma: 0.012,
  skinColour: 0.1,
  lipColour: 0.4,
  shadeWarmth: 0.15,
  plateColour: 0.5,
  plateColourSigma: 0.05,
  browShare: 0.3,
  eyeShare: 0.5,
  noseShare: 0.8,
  upsampleBelow: 140,
  sharpen: 0.5,
  jawInset: 0,
  foreheadReach: 0.6,
  rimWidth: 0.2,
  rimSigma: 0.02,
  keepEyes: 0,
  plateGrain: 1,
  workScale: 170,
};

/** The recipe speaks of the face's width, the blend of the distance of the outer eye corners. */
const EYE_DISTANCES_PER_FACE_WIDTH = 1.83;

/** What a recipe's step is rendered with, whoever renders it: lanes, benches and tests. */
export function replaceSettings({ feather }: { readonly feather: number }): ReplaceSettings {
  return { ...LOOK, feather: feather * EYE_DISTANCES_PER_FACE_WIDTH };
}

/** Of the recipe `replace` as it stands, with no setting of its own. */
export const DEFAULT_REPLACE_SETTINGS = replaceSettings(
  (recipePreset('replace').processors as [Extract<Processor, { type: 'replace' }>])[0].settings,
);
