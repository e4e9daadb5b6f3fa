import { AVERAGE_SHAPE, type Person, type Rgb, type Shape } from './person.js';
import { between, seededRandom, type Random } from './random.js';

/** A kind of person to invent somebody from: the average head, moved by ranges. */
interface Archetype {
  readonly ranges: Partial<Record<keyof Shape, readonly [number, number]>>;
  readonly looks: (random: Random) => Omit<Person, 'name' | 'seed' | 'shape'>;
}

/** Proportions that vary from person to person, whoever they are; parts of the average. */
const FACE_SPREAD: Partial<Record<keyof Shape, number>> = {
  foreheadHalf: 0.06,
  cheekHalf: 0.07,
  jawHalf: 0.09,
  chinHalf: 0.25,
  chinY: 0.06,
  hairlineY: 0.08,
  eyeOffset: 0.11,
  eyeHalf: 0.17,
  eyeOpening: 0.25,
  eyeTilt: 3,
  irisRadius: 0.1,
  browY: 0.17,
  browArch: 0.9,
  browTilt: 3,
  browThickness: 0.35,
  noseTipY: 0.15,
  noseBaseY: 0.12,
  noseHalf: 0.25,
  noseProjection: 0.35,
  bridgeHalf: 0.4,
  mouthY: 0.06,
  mouthHalf: 0.17,
  upperLip: 0.4,
  lowerLip: 0.35,
  cheekbone: 1,
};

const pick = <T>(random: Random, choices: readonly T[]): T => {
  const choice = choices[Math.floor(random() * choices.length)];
  if (choice === undefined) throw new RangeError('nothing to pick from');
  return choice;
};

const near = (random: Random, colour: Rgb, spread: number): Rgb => {
  const shift = between(random, -spread, spread);
  return [colour[0] + shift, colour[1] + shift, colour[2] + shift];
};

const ARCHETYPES = {
  youngWoman: {
    ranges: {
      lashes: [0.55, 0.9],
      upperLip: [0.085, 0.13],
      lowerLip: [0.13, 0.19],
      wrinkles: [0, 0.1],
      jawHalf: [0.86, 0.97],
      chinHalf: [0.28, 0.4],
      browThickness: [0.06, 0.09],
      blush: [0.4, 0.7],
      hairVolume: [0.09, 0.14],
      noseHalf: [0.17, 0.22],
      eyeOpening: [0.16, 0.2],
      irisRadius: [0.1, 0.112],
    },
    looks: (random) => ({
      tones: {
        skin: near(random, [232, 180, 146], 8),
        lips: near(random, [190, 88, 86], 14),
        iris: pick(random, [
          [88, 62, 38],
          [96, 110, 74],
          [70, 88, 104],
        ]),
        hair: pick(random, [
          [92, 50, 28],
          [66, 40, 28],
          [124, 60, 34],
        ]),
        brows: [70, 42, 30],
        cloth: [54, 92, 108],
        trim: [44, 76, 92],
      },
      hair: 'long',
      clothing: 'scoop',
      glasses: false,
    }),
  },
  olderMan: {
    ranges: {
      wrinkles: [0.75, 1],
      ageMarks: [0.5, 1],
      eyeBags: [0.6, 1],
      greying: [0.8, 1],
      noseHalf: [0.22, 0.3],
      noseProjection: [0.42, 0.58],
      browThickness: [0.1, 0.14],
      upperLip: [0.05, 0.075],
      lowerLip: [0.08, 0.12],
      jawHalf: [0.94, 1.05],
      lashes: [0, 0.1],
      eyeOpening: [0.1, 0.135],
      eyeTilt: [-0.03, 0],
      browTilt: [-0.04, 0.01],
      skinNoise: [0.7, 1],
      stubble: [0, 0.5],
    },
    looks: (random) => ({
      tones: {
        skin: near(random, [232, 184, 160], 8),
        lips: near(random, [176, 108, 100], 10),
        iris: pick(random, [
          [92, 120, 140],
          [104, 116, 96],
        ]),
        hair: [128, 122, 116],
        brows: [120, 112, 106],
        cloth: [96, 74, 60],
        trim: [224, 218, 206],
      },
      hair: 'receding',
      clothing: 'collar',
      glasses: true,
    }),
  },
  youngMan: {
    ranges: {
      stubble: [0.2, 0.7],
      beard: [0, 0.45],
      browThickness: [0.1, 0.15],
      noseHalf: [0.24, 0.33],
      upperLip: [0.09, 0.14],
      lowerLip: [0.15, 0.2],
      jawHalf: [0.94, 1.05],
      chinHalf: [0.42, 0.54],
      lashes: [0.1, 0.3],
      eyeOpening: [0.11, 0.16],
      browTilt: [-0.04, 0.05],
      wrinkles: [0.05, 0.3],
    },
    looks: (random) => ({
      tones: {
        skin: near(random, [166, 114, 84], 12),
        lips: near(random, [148, 70, 68], 8),
        iris: [54, 36, 24],
        hair: [30, 24, 22],
        brows: [26, 20, 18],
        cloth: [150, 64, 48],
        trim: [126, 50, 40],
      },
      hair: pick(random, ['curls', 'crop']),
      clothing: 'crew',
      glasses: false,
    }),
  },
} satisfies Record<string, Archetype>;

export type ArchetypeName = keyof typeof ARCHETYPES;

/** Invents a person: the same archetype, name and seed are always the same person. */
export function invent(archetype: ArchetypeName, seed: number, name = `${archetype} ${seed}`): Person {
  const { ranges, looks }: Archetype = ARCHETYPES[archetype];
  const random = seededRandom(seed);
  const shape: Record<keyof Shape, number> = { ...AVERAGE_SHAPE };
  for (const key of Object.keys(AVERAGE_SHAPE) as (keyof Shape)[]) {
    const range = ranges[key];
    const spread = FACE_SPREAD[key];
    if (range) shape[key] = between(random, range[0], range[1]);
    else if (spread) shape[key] *= 1 + between(random, -spread, spread);
  }
  return { name, seed, shape, ...looks(random) };
}
