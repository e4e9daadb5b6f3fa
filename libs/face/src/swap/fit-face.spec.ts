import type { Affine, Frame, FrameSpec } from '@understudy/frame';
import { cropRgb, pasteRgb, wrapFrame } from '@understudy/frame';
import { beforeAll, describe, expect, test } from 'vitest';

import { ADA, BEN, drawFrame, type Look } from '../../test/drawn-face.js';
import { openTestModels } from '../../test/open-models.js';
import { fivePoints } from '../identity/embedder.js';
import { alignTo } from '../landmarks/templates.js';
import { faceMask } from '../mask/face-mask.js';
import { hullMask } from '../mask/shapes.js';
import { ciede2000 } from '../quality/colour-difference.js';
import { measureFace } from '../quality/measured-face.js';
import { rimDifference, toLab } from '../quality/picture.js';
import { type FaceFit, fitFace } from './fit-face.js';
import { pasteFace, type SwappedFace } from './swapped-face.js';

const SIZE = 128;
const SPEC: FrameSpec = { width: 640, height: 480, format: 'yuv420p', matrix: 'bt709', range: 'tv' };
const EDGE = { shape: 'hull', feather: 0.12 } as const;
/** Cheeks and nose of a face drawn at these points: skin in both. */
const SKIN = [
  [270, 262],
  [370, 262],
  [320, 240],
  [345, 300],
] as const;

let landmarks: Float64Array;
let plateToCrop: Affine;
beforeAll(async () => {
  const models = await openTestModels();
  const found = await measureFace(models, await drawn(BEN));
  await models.release();
  landmarks = found!.landmarks;
  plateToCrop = alignTo(fivePoints(landmarks), { template: 'arcface_128', size: SIZE });
});

const bare = (look: Look): Look => ({ ...look, beard: false, glasses: false });
const drawn = (look: Look, spec = SPEC) => drawFrame([{ x: 320, y: 210, scale: 1.1, look: bare(look) }], spec);

type Light = (x: number) => readonly [number, number, number];
/** From the right, three times as bright there. */
const SIDE: Light = (x) => [0.5, 0.5, 0.5].map((part) => part + (x - 320) / 400) as unknown as [number, number, number];
const SATURATED: Light = () => [1, 0.12, 0.2];

/** The same people under another light. */
async function lit(look: Look, light: Light, spec = SPEC): Promise<Frame> {
  const frame = await drawn(look, spec);
  const { width, height } = spec;
  const rgb = cropRgb(frame, { x: 0, y: 0, width, height }, width, height);
  const tinted = rgb.map((value, i) => {
    const at = i % (width * height);
    return Math.max(0, value * light(at % width)[Math.floor(i / (width * height))]!);
  });
  const mask = new Float32Array(width * height).fill(1);
  pasteRgb(frame, { x: 0, y: 0, width, height }, { width, height, rgb: tinted, mask });
  return frame;
}

/** What a network might give: another person in the plate's pose and in a light of its own. */
async function networksFace(light: Light): Promise<SwappedFace> {
  const rgb = cropRgb(await lit(ADA, light), plateToCrop, SIZE, SIZE);
  return { plateToCrop, size: SIZE, rgb, mask: undefined };
}

async function written(plate: Frame, face: SwappedFace, fit: FaceFit): Promise<Frame> {
  const frame = wrapFrame(plate.spec, plate.bytes.slice());
  const mask = await faceMask(frame, landmarks, face, EDGE, []);
  pasteFace(frame, fitFace(frame, landmarks, face, mask, fit), mask.written);
  return frame;
}

function colourAt(frame: Frame, [x, y]: readonly [number, number]): [number, number, number] {
  const rgb = cropRgb(frame, { x: x - 8, y: y - 8, width: 16, height: 16 }, 16, 16);
  return [0, 1, 2].map((c) => rgb.subarray(c * 256, (c + 1) * 256).reduce((sum, one) => sum + one, 0) / 256) as [
    number,
    number,
    number,
  ];
}

function apart(a: Frame, b: Frame, at: readonly [number, number]): number {
  return ciede2000(toLab(...colourAt(a, at)), toLab(...colourAt(b, at)));
}

const worst = (a: Frame, b: Frame) => Math.max(...SKIN.map((at) => apart(a, b, at)));

describe("a network's face in the plate's colour", () => {
  test.each([
    ['light from one side', SIDE, () => [1, 1, 1]],
    ['saturated light', SATURATED, () => [1, 1, 1]],
    ['daylight, by a network that makes faces green', () => [1, 1, 1], () => [0.6, 1, 0.7]],
    ['near darkness', () => [0.15, 0.14, 0.12], () => [1, 1, 1]],
  ] as [string, Light, Light][])('has the plate’s skin under %s', async (_, ofPlate, ofNetwork) => {
    const plate = await lit(BEN, ofPlate);
    const face = await networksFace(ofNetwork);
    const [own, matched] = [
      await written(plate, face, { colour: 'none', blend: 'alpha' }),
      await written(plate, face, { colour: 'match', blend: 'alpha' }),
    ];
    console.log(`skin: ${worst(own, plate).toFixed(1)} off by itself, ${worst(matched, plate).toFixed(1)} matched`);
    expect(worst(own, plate)).toBeGreaterThan(8);
    expect(worst(matched, plate)).toBeLessThan(4);
    const across = (frame: Frame) => colourAt(frame, SKIN[1])[0] / colourAt(frame, SKIN[0])[0];
    expect(across(matched) / across(plate)).toBeGreaterThan(0.9);
    expect(across(matched) / across(plate)).toBeLessThan(1.1);
  });

  test('keeps a 10-bit plate in steps of 10 bits, and what is around the face as it is', async () => {
    const spec: FrameSpec = { ...SPEC, format: 'yuv422p10le' };
    const plate = await lit(BEN, SIDE, spec);
    const frame = await written(plate, await networksFace(() => [1, 1, 1]), { colour: 'match', blend: 'poisson' });
    expect(worst(frame, plate)).toBeLessThan(4);
    const [before, after] = [plate.planes[0].samples, frame.planes[0].samples];
    const changed = after.filter((sample, i) => sample !== before[i]);
    expect(changed.length).toBeGreaterThan(5000);
    expect(changed.filter((sample) => sample % 4 !== 0).length / changed.length).toBeGreaterThan(0.6);
    after.forEach((sample, i) => {
      if (Math.hypot((i % 640) - 320, Math.floor(i / 640) - 250) > 150 && sample !== before[i]) {
        throw new Error(`changed at ${i % 640}, ${Math.floor(i / 640)}`);
      }
    });
  });

  test('a crop without a face to see is left as it is', async () => {
    const plate = await lit(BEN, SIDE);
    const face = await networksFace(() => [1, 1, 1]);
    const nothing = new Float32Array(SIZE * SIZE);
    const shape = nothing.map(() => 1);
    const covered = { shape, seen: nothing, written: nothing };
    const fitted = fitFace(plate, landmarks, face, covered, { colour: 'match', blend: 'poisson' });
    expect(fitted.rgb).toBe(face.rgb);
  });
});

describe('the seam of a swapped face', () => {
  /** As networks do: the plate's surroundings as they are, all of it in a wrong colour. */
  async function tinted(plate: Frame): Promise<SwappedFace> {
    const own = cropRgb(plate, plateToCrop, SIZE, SIZE);
    const inner = hullMask(landmarks, plateToCrop, SIZE, { feather: 0.2, grow: 0.1 });
    const face = await networksFace(() => [1, 1, 1]);
    const rgb = face.rgb.map((value, i) => {
      const share = inner[i % inner.length]!;
      return [0.85, 1.1, 1.05][Math.floor(i / inner.length)]! * (share * value + (1 - share) * own[i]!);
    });
    return { ...face, rgb };
  }

  test.each([
    ['light from one side', SIDE],
    ['saturated light', SATURATED],
    ['daylight', () => [1, 1, 1]],
  ] as [string, Light][])('is least where both its colour and its edge are made to fit, under %s', async (_, light) => {
    const plate = await lit(BEN, light);
    const face = await tinted(plate);
    const seamOf = async (fit: FaceFit) =>
      rimDifference(plate, await written(plate, face, fit), { x: 160, y: 100, width: 320, height: 320 });
    const [own, mixed, joined] = [
      await seamOf({ colour: 'none', blend: 'alpha' }),
      await seamOf({ colour: 'match', blend: 'alpha' }),
      await seamOf({ colour: 'match', blend: 'poisson' }),
    ];
    const text = [own, mixed, joined].map((one) => `${one.seamDeltaE.toFixed(2)} (${one.rimDeltaE76.toFixed(2)})`);
    console.log(`seam, CIEDE2000 (mean): ${text.join(', ')}: as it is, matched, joined too`);
    expect(mixed.rimDeltaE76).toBeLessThan(0.7 * own.rimDeltaE76);
    expect(joined.seamDeltaE).toBeLessThan(0.95 * mixed.seamDeltaE);
    expect(joined.seamDeltaE).toBeLessThan(0.7 * own.seamDeltaE);
  });
});
