import { invent, type ArchetypeName } from './archetypes.js';
import type { Person } from './person.js';
import type { RgbImage } from './picture.js';
import { drawPortrait } from './still.js';

const ARCHETYPES: readonly ArchetypeName[] = ['youngWoman', 'olderMan', 'youngMan'];

/** Away from the seeds of the sample's own people and of those that tests invent. */
const FIRST_SEED = 1_000_003;

const SIZE_PX = 448;

/** One of endlessly many people who do not exist, by a whole number from 0 on. */
export function strangerOf(number: number): Person {
  const archetype = ARCHETYPES[number % ARCHETYPES.length]!;
  return { ...invent(archetype, FIRST_SEED + number, `stranger ${number}`), glasses: false };
}

export interface StrangerPortrait {
  readonly picture: RgbImage;
  /** 68 x, y pairs, picture pixels: where the points are drawn. */
  readonly landmarks: readonly number[];
}

/** A stranger from the front, as a face for somebody whose own is not to be shown. */
export async function drawStranger(number: number): Promise<StrangerPortrait> {
  const { picture, faces } = await drawPortrait(strangerOf(number), {}, SIZE_PX);
  return { picture, landmarks: faces[0]!.landmarks.flat() };
}
