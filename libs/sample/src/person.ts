import { lerp } from './vector.js';

/** Red, green, blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/**
 * Proportions of a head. Lengths are in units of the average distance between the pupils, measured from the
 * midpoint between the eyes (y down); "half" widths count from the middle of the face.
 */
export interface Shape {
  readonly headTop: number;
  readonly foreheadHalf: number;
  readonly cheekHalf: number;
  readonly jawHalf: number;
  readonly chinHalf: number;
  readonly chinY: number;
  readonly hairlineY: number;
  readonly eyeOffset: number;
  readonly eyeHalf: number;
  readonly eyeOpening: number;
  readonly eyeTilt: number;
  readonly irisRadius: number;
  readonly browY: number;
  readonly browArch: number;
  readonly browTilt: number;
  readonly browThickness: number;
  readonly noseTipY: number;
  readonly noseBaseY: number;
  readonly noseHalf: number;
  readonly noseProjection: number;
  readonly bridgeHalf: number;
  readonly mouthY: number;
  readonly mouthHalf: number;
  readonly upperLip: number;
  readonly lowerLip: number;
  readonly cheekbone: number;
  readonly lashes: number;
  /** The rest are strengths, 0 to 1. */
  readonly wrinkles: number;
  readonly freckles: number;
  readonly ageMarks: number;
  readonly stubble: number;
  readonly beard: number;
  readonly blush: number;
  readonly eyeBags: number;
  readonly skinNoise: number;
  readonly hairVolume: number;
  readonly greying: number;
}

export interface Tones {
  readonly skin: Rgb;
  readonly lips: Rgb;
  readonly iris: Rgb;
  readonly hair: Rgb;
  readonly brows: Rgb;
  readonly cloth: Rgb;
  readonly trim: Rgb;
}

export type HairStyle = 'swept' | 'crop' | 'curls' | 'receding' | 'long' | 'bun';
export type Clothing = 'crew' | 'collar' | 'scoop';

/** Somebody who does not exist. */
export interface Person {
  readonly name: string;
  /** Places every freckle, wrinkle and hair. */
  readonly seed: number;
  readonly shape: Shape;
  readonly tones: Tones;
  readonly hair: HairStyle;
  readonly clothing: Clothing;
  readonly glasses: boolean;
}

export const AVERAGE_SHAPE: Shape = {
  headTop: -1.62,
  foreheadHalf: 0.96,
  cheekHalf: 1.12,
  jawHalf: 0.96,
  chinHalf: 0.4,
  chinY: 1.72,
  hairlineY: -0.98,
  eyeOffset: 0.455,
  eyeHalf: 0.186,
  eyeOpening: 0.15,
  eyeTilt: 0.015,
  irisRadius: 0.1,
  browY: -0.33,
  browArch: 0.1,
  browTilt: 0.02,
  browThickness: 0.09,
  noseTipY: 0.48,
  noseBaseY: 0.69,
  noseHalf: 0.22,
  noseProjection: 0.4,
  bridgeHalf: 0.09,
  mouthY: 1.03,
  mouthHalf: 0.4,
  upperLip: 0.1,
  lowerLip: 0.15,
  cheekbone: 0.06,
  lashes: 0.3,
  wrinkles: 0.1,
  freckles: 0,
  ageMarks: 0,
  stubble: 0,
  beard: 0,
  blush: 0.4,
  eyeBags: 0.1,
  skinNoise: 0.5,
  hairVolume: 0.1,
  greying: 0,
};

function mixRgb(a: Rgb, b: Rgb, t: number): Rgb {
  return [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)];
}

/**
 * A person between two others: every proportion and tone mixed, `share` of `b` in it (0 to 1). Styles are those of
 * the nearer one. Enrolment tests use it: a drawing of a morph resembles both.
 */
export function morph(a: Person, b: Person, share = 0.5): Person {
  const nearer = share < 0.5 ? a : b;
  const shape = Object.fromEntries(
    (Object.keys(a.shape) as (keyof Shape)[]).map((key) => [key, lerp(a.shape[key], b.shape[key], share)]),
  ) as unknown as Shape;
  const tones = Object.fromEntries(
    (Object.keys(a.tones) as (keyof Tones)[]).map((key) => [key, mixRgb(a.tones[key], b.tones[key], share)]),
  ) as unknown as Tones;
  return { ...nearer, name: `${a.name} and ${b.name}`, shape, tones };
}
