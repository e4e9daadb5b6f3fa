import {
  invent,
  type ArchetypeName,
  drawSittings,
  type Person,
  plateFrame,
  seededRandom,
  type Sitting,
} from '@understudy/sample';
import type { Frame } from '@understudy/frame';

/** A picture of a drawn person. */
export interface DrawnLook {
  readonly person: number;
  readonly frame: Frame;
}

export interface DrawnLooks {
  readonly gallery: readonly DrawnLook[];
  readonly probes: readonly DrawnLook[];
}

const ARCHETYPES: readonly ArchetypeName[] = ['youngWoman', 'olderMan', 'youngMan'];

/** People who do not exist, in turn of each kind. */
export function drawnPerson(index: number): Person {
  return invent(ARCHETYPES[index % ARCHETYPES.length]!, 500 + index);
}

/** Pictures are of several sizes, so that the size of a head does not name the person. */
const LEAST_SIZE_PX = 224;
const SIZES = 9;
const SIZE_STEP_PX = 16;

/** One of endlessly many ways to sit, drawn at random: turned, lit, looking and framed otherwise each time. */
export function sittingOf(seed: number): Sitting & { readonly size: number } {
  const random = seededRandom(seed);
  const within = (range: number): number => range * (2 * random() - 1);
  return {
    pose: { yaw: within(16), pitch: within(7), roll: within(8) },
    light: { fromX: within(0.6), key: 0.6 + within(0.12) },
    expression: { mouthOpen: Math.max(0, within(0.6)), smile: 0.3 + within(0.3), browRaise: 0.3 + within(0.3) },
    size: LEAST_SIZE_PX + SIZE_STEP_PX * Math.floor(SIZES * random()),
  };
}

/**
 * People sitting for their gallery and, otherwise, as probes.
 *
 * @param each pictures of each person in the gallery, and as many probes
 */
export async function drawPeople(people: number, each: number, signal?: AbortSignal): Promise<DrawnLooks> {
  const looks: { gallery: DrawnLook[]; probes: DrawnLook[] } = { gallery: [], probes: [] };
  for (let person = 0; person < people; person++) {
    signal?.throwIfAborted();
    const sittings = Array.from({ length: 2 * each }, (_, sitting) => sittingOf(1 + person * 2 * each + sitting));
    const stills = await drawSittings(drawnPerson(person), sittings);
    stills.forEach(({ picture }, sitting) => {
      (sitting < each ? looks.gallery : looks.probes).push({ person, frame: plateFrame(picture) });
    });
  }
  return looks;
}
