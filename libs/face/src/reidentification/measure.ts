import { type Box, type Frame, wrapFrame } from '@understudy/frame';

import { type FaceModels, observeFace } from '../analyse.js';
import { type HeadRegion, headRegion, usualHead } from '../anonymise/head-region.js';
import { CANONICAL_LANDMARKS, LANDMARK_COUNT } from '../replace/canonical-face.js';
import { wholeWindows } from '../detect/windows.js';
import type { Landmarks } from '../landmarks/points.js';
import { formOf, outlineOf, pixelsOf, withoutLight } from './features.js';
import { rankOne, type Sighting, trainedWeights, weighted } from './rank-one.js';

/** A picture of one person, and where their face is in it. */
export interface Look {
  readonly person: number;
  readonly frame: Frame;
  readonly landmarks: Landmarks;
  readonly box: Box;
}

/** Probes and gallery show the same people, in other pictures. */
export interface Looks {
  readonly gallery: readonly Look[];
  readonly probes: readonly Look[];
}

/** Share of the probes that each attacker names rightly, from a gallery covered in the same way. */
export interface Reidentification {
  /** The built-in recogniser, on the face that it finds in the covered picture, else on where a face would be. */
  readonly recogniser: number;
  /** The nearest picture of the covered head, colour by colour; the same without light; the same with a trained eye. */
  readonly pixels: number;
  readonly pixelsWithoutLight: number;
  readonly trainedPixels: number;
  /** 68 points of the face that is found, and the same with a trained eye. */
  readonly form: number;
  readonly trainedForm: number;
  /** How wide the cover is for its height. */
  readonly outline: number;
  /** The built-in recogniser with a gallery that is not covered. */
  readonly clearGallery: number;
  /** The nearest picture of head and surroundings, with a trained eye: hair and clothes that no cover of a head hides. */
  readonly surroundings: number;
}

/** The attackers that a cover has to withstand: all but the one that looks beside it. */
export function highestRate(rates: Reidentification): number {
  return Math.max(
    ...Object.entries(rates).map(([attacker, rate]: [string, number]) => (attacker === 'surroundings' ? 0 : rate)),
  );
}

/** Covers one face of a picture, in place. */
export type CoverFace = (frame: Frame, face: Pick<Look, 'landmarks' | 'box'>) => void | Promise<void>;

type View = Exclude<keyof Reidentification, 'clearGallery'>;
type Views = Record<View, ArrayLike<number> | null>;

const TRAINED: readonly View[] = ['trainedPixels', 'trainedForm', 'surroundings'];

/** How far head and surroundings reach, in half axes of the region. */
const SURROUNDINGS = 1.5;

/** Finds the face of each picture. Pictures that show none are left out. */
export async function looksOf(
  models: FaceModels,
  pictures: readonly { readonly person: number; readonly frame: Frame }[],
): Promise<Look[]> {
  const looks: Look[] = [];
  for (const { person, frame } of pictures) {
    const face = await faceIn(models, frame);
    if (face !== null) looks.push({ person, frame, landmarks: face.landmarks, box: face.box });
  }
  return looks;
}

/**
 * How well covered people are known again by somebody whose gallery was covered in the same way: the attack that a blur
 * falls to (Newton et al. 2005 call it parrot recognition). Chance is one over the number of people.
 *
 * @param cover null leaves the pictures as they are: what is to be lost
 * @param margin of the cover
 */
export async function measureReidentification(
  models: FaceModels,
  looks: Looks,
  cover: CoverFace | null,
  margin: number,
): Promise<Reidentification> {
  const gallery = await viewsOf(models, looks.gallery, cover, margin);
  const probes = await viewsOf(models, looks.probes, cover, margin);
  const rate = (view: View): number => {
    const [known, asked] = [sightings(gallery, view), sightings(probes, view)];
    if (!TRAINED.includes(view)) return rankOne(known, asked);
    const weights = trainedWeights(known);
    return rankOne(weighted(known, weights), weighted(asked, weights));
  };
  const clear: Sighting[] = [];
  for (const { person, frame, landmarks } of looks.gallery) {
    clear.push({ person, features: await models.embedder.embed(frame, landmarks) });
  }
  return {
    recogniser: rate('recogniser'),
    pixels: rate('pixels'),
    pixelsWithoutLight: rate('pixelsWithoutLight'),
    trainedPixels: rate('trainedPixels'),
    form: rate('form'),
    trainedForm: rate('trainedForm'),
    outline: rate('outline'),
    clearGallery: rankOne(clear, sightings(probes, 'recogniser')),
    surroundings: rate('surroundings'),
  };
}

function sightings(views: readonly (Views & { readonly person: number })[], view: View): Sighting[] {
  return views.map(({ person, ...all }) => ({ person, features: all[view] }));
}

async function viewsOf(
  models: FaceModels,
  looks: readonly Look[],
  cover: CoverFace | null,
  margin: number,
): Promise<(Views & { person: number })[]> {
  const all: (Views & { person: number })[] = [];
  for (const look of looks) {
    const frame = wrapFrame(look.frame.spec, look.frame.bytes.slice());
    await cover?.(frame, look);
    const region = headRegion(look, margin);
    const found = await faceIn(models, frame);
    const pixels = pixelsOf(frame, region);
    const form = found === null ? null : formOf(found.landmarks);
    all.push({
      person: look.person,
      recogniser: await models.embedder.embed(frame, found?.landmarks ?? usualFace(region, margin)),
      pixels,
      trainedPixels: pixels,
      pixelsWithoutLight: withoutLight(pixels),
      form,
      trainedForm: form,
      outline: outlineOf(region),
      surroundings: pixelsOf(frame, region, SURROUNDINGS),
    });
  }
  return all;
}

const LEAST_SCORE = 0.5;

async function faceIn(models: FaceModels, frame: Frame) {
  const { width, height } = frame.spec;
  const [face] = await models.detector.detect(frame, wholeWindows(width, height), LEAST_SCORE);
  return face === undefined ? null : await observeFace(models, frame, face, false);
}

/** Where the points of a usual face lie in a region: all that somebody knows who sees no face. */
function usualFace({ centreX, centreY, radiusY, cos, sin }: HeadRegion, margin: number): Float64Array {
  const usual = usualHead(margin);
  const size = radiusY / usual.radiusY;
  return Float64Array.from({ length: 2 * LANDMARK_COUNT }, (_, i) => {
    const point = i >> 1;
    const x = CANONICAL_LANDMARKS[3 * point]! * size;
    const y = (CANONICAL_LANDMARKS[3 * point + 1]! - usual.centreY) * size;
    return i % 2 === 0 ? centreX + cos * x - sin * y : centreY + sin * x + cos * y;
  });
}
