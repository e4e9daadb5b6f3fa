import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cropAligned, openFaceModels, wholeWindows, type FaceModels } from '@understudy/face';
import { ensureDefaultPack } from '@understudy/inference';
import {
  drawPortrait,
  FIRST,
  plateFrame,
  SAMPLE_PLATE,
  SAMPLE_SITTINGS,
  Scene,
  SECOND,
  THIRD,
  type FaceTruth,
  type Person,
  type RgbImage,
} from '@understudy/sample';

const DATA_FOLDER = fileURLToPath(new URL('../../.understudy', import.meta.url));
/** Every eighth frame of the plate is looked at. */
const STEP = 8;

interface Seen {
  readonly score: number;
  readonly centreX: number;
  readonly landmarks: ArrayLike<number>;
  readonly embedding: Float32Array;
}

const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};

/** Mean distance of found points from the truth, in parts of the distance between the outer eye corners. */
function landmarkError(found: ArrayLike<number>, truth: FaceTruth): number {
  const [left, right] = [truth.landmarks[36], truth.landmarks[45]];
  if (!left || !right) throw new RangeError('a face has 68 points');
  const eyes = Math.hypot(right[0] - left[0], right[1] - left[1]);
  const sum = truth.landmarks.reduce(
    (total, [x, y], index) => total + Math.hypot((found[2 * index] ?? 0) - x, (found[2 * index + 1] ?? 0) - y),
    0,
  );
  return sum / 68 / eyes;
}

describe('the drawn performers, seen by the default models', () => {
  let models: FaceModels;
  const portraits = new Map<Person, Seen[]>();
  /** For each of the plate's two faces what was seen of it, frame by frame. */
  const inPlate: { seen: Seen; truth: FaceTruth }[][] = [[], []];

  async function look({ width, height, ...picture }: RgbImage): Promise<Seen[]> {
    const frame = plateFrame({ width, height, ...picture });
    const seen: Seen[] = [];
    for (const { box, score } of await models.detector.detect(frame, wholeWindows(width, height), 0.5)) {
      const { landmarks } = await models.landmarker.locate(frame, box);
      const embedding = await models.embedder.embedAligned(cropAligned(frame, landmarks));
      seen.push({ score, centreX: box.x + box.width / 2, landmarks, embedding });
    }
    return seen.sort((a, b) => a.centreX - b.centreX);
  }

  beforeAll(async () => {
    models = await openFaceModels(await ensureDefaultPack(DATA_FOLDER));
    for (const person of [FIRST, SECOND, THIRD]) {
      const seen: Seen[] = [];
      for (const sitting of SAMPLE_SITTINGS) {
        const faces = await look((await drawPortrait(person, sitting)).picture);
        expect(faces).toHaveLength(1);
        seen.push(...faces);
      }
      portraits.set(person, seen);
    }
    const scene = await Scene.open(SAMPLE_PLATE);
    for (let index = 0; index < SAMPLE_PLATE.frames; index += STEP) {
      const { picture, faces } = await scene.draw(index);
      const seen = await look(picture);
      expect(seen).toHaveLength(2);
      seen.forEach((face, place) => {
        const truth = faces[place];
        if (truth) inPlate[place]?.push({ seen: face, truth });
      });
    }
  }, 300_000);
  afterAll(() => models?.release());

  const embeddingsOf = (person: Person): Float32Array[] => {
    const place = [FIRST, SECOND].indexOf(person);
    const plate = place < 0 ? [] : (inPlate[place] ?? []).map(({ seen }) => seen.embedding);
    return [...(portraits.get(person) ?? []).map(({ embedding }) => embedding), ...plate];
  };

  it('are found for certain', () => {
    const scores = [...[...portraits.values()].flat(), ...inPlate.flat().map(({ seen }) => seen)].map(
      ({ score }) => score,
    );
    expect(Math.min(...scores)).toBeGreaterThan(0.95);
    expect(median(scores)).toBeGreaterThan(0.995);
  });

  it.each([
    [FIRST, SECOND],
    [FIRST, THIRD],
    [SECOND, THIRD],
  ])('$name is a stranger to the other', (one, other) => {
    const alike = embeddingsOf(one).flatMap((a) => embeddingsOf(other).map((b) => cosine(a, b)));
    expect(median(alike)).toBeLessThan(0.15);
    expect(Math.max(...alike)).toBeLessThan(0.3);
  });

  it.each([FIRST, SECOND, THIRD])('$name is the same person in every portrait', (person) => {
    const all = (portraits.get(person) ?? []).map(({ embedding }) => embedding);
    for (const a of all) for (const b of all) expect(cosine(a, b)).toBeGreaterThan(0.6);
  });

  it.each([FIRST, SECOND])('$name is recognised throughout the plate', (person) => {
    const enrolled = (portraits.get(person) ?? []).map(({ embedding }) => embedding);
    const alike = (inPlate[[FIRST, SECOND].indexOf(person)] ?? []).map(({ seen }) =>
      median(enrolled.map((portrait) => cosine(portrait, seen.embedding))),
    );
    expect(alike).toHaveLength(SAMPLE_PLATE.frames / STEP);
    expect(median(alike)).toBeGreaterThan(0.6);
    expect(Math.min(...alike)).toBeGreaterThan(0.4);
  });

  it.each([0, 1])('face %i has its 68 points where they are drawn', (place) => {
    const errors = (inPlate[place] ?? []).map(({ seen, truth }) => landmarkError(seen.landmarks, truth));
    expect(median(errors)).toBeLessThan(0.04);
    expect(Math.max(...errors)).toBeLessThan(0.06);
  });
});
