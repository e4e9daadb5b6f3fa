import { cropRgb, type Frame, type FrameSpec, wrapFrame } from '@understudy/frame';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ADA, BEN, drawFrame, type Placement } from '../../test/drawn-face.js';
import { openTestModels } from '../../test/open-models.js';
import type { FaceModels } from '../analyse.js';
import { cosine } from '../identity/cosine.js';
import type { SeenFace } from '../mask/seen-face.js';
import { landmarkError } from '../quality/figures.js';
import { measureFace, type MeasuredFace } from '../quality/measured-face.js';
import { backgroundPsnr, rimDifference } from '../quality/picture.js';
import { prepareIdentity, type PreparedIdentity } from './identity.js';
import { replaceFace } from './replace-face.js';
import { DEFAULT_REPLACE_SETTINGS } from './settings.js';
import { prepareReplaceTrack } from './track.js';

const PLATE: Placement = { x: 320, y: 210, scale: 1, look: BEN };
let models: FaceModels;
let identity: PreparedIdentity;
let ada: MeasuredFace;

beforeAll(async () => {
  models = await openTestModels();
  const portrait = await drawFrame([{ x: 320, y: 210, scale: 1.2, look: ADA }]);
  ada = await measured(portrait);
  const { width, height } = portrait.spec;
  const rgb = Uint8ClampedArray.from(cropRgb(portrait, { x: 0, y: 0, width, height }, width, height, 'interleaved'));
  identity = prepareIdentity([{ rgb, width, height, landmarks: ada.landmarks }], DEFAULT_REPLACE_SETTINGS);
});
afterAll(() => models.release());

async function measured(frame: Frame): Promise<MeasuredFace> {
  const face = await measureFace(models, frame);
  if (face === undefined) throw new Error('no face is found');
  return face;
}

async function replaced(placement: Placement, spec?: FrameSpec) {
  const plate = await drawFrame([placement], spec);
  const frame = await drawFrame([placement], spec);
  const before = await measured(plate);
  const track = prepareReplaceTrack(identity, [before.landmarks], DEFAULT_REPLACE_SETTINGS);
  const box = replaceFace(frame, track, before.landmarks);
  return { plate, frame, before, box, after: await measured(frame) };
}

/** Darkens the image's left. */
function sideLight(frame: Frame): void {
  const { samples, width } = frame.planes[0];
  for (let i = 0; i < samples.length; i++) samples[i] = samples[i]! * (0.45 + 0.55 * ((i % width) / width));
}

/** Brightness of the right cheek over the left one's. */
function cheekRatio(frame: Frame): number {
  const [right, left] = [385, 230].map((x) => cropRgb(frame, { x, y: 250, width: 24, height: 24 }, 24, 24)) as [
    Float32Array,
    Float32Array,
  ];
  return right.reduce((sum, value) => sum + value, 0) / left.reduce((sum, value) => sum + value, 0);
}

describe('replacing a drawn face', () => {
  test("the identity's face is recognised, at the plate's points", async () => {
    const { before, after } = await replaced(PLATE);
    const rise = cosine(after.embedding, ada.embedding) - cosine(before.embedding, ada.embedding);
    expect(rise).toBeGreaterThan(0.25);
    expect(landmarkError(after.landmarks, before.landmarks)).toBeLessThan(0.06);
  });

  test('an open mouth stays open and keeps its own samples', async () => {
    const plate = { ...PLATE, look: { ...BEN, beard: false } };
    const shut = await replaced(plate);
    const open = await replaced({ ...plate, mouth: 1 });
    const drawn = open.before.mouthOpening - shut.before.mouthOpening;
    expect(drawn).toBeGreaterThan(0.06);
    expect((open.after.mouthOpening - shut.after.mouthOpening) / drawn).toBeGreaterThan(0.4);
    const [mouthX, mouthY] = [320, 210 + 68];
    const at = mouthY * open.plate.spec.width + mouthX;
    expect(open.frame.planes[0].samples[at]).toBe(open.plate.planes[0].samples[at]);
    expect(shut.frame.planes[0].samples[at]).not.toBe(shut.plate.planes[0].samples[at]);
  });

  test('every sample outside the written box is untouched', async () => {
    for (const format of ['yuv420p', 'yuv422p10le'] as const) {
      const spec: FrameSpec = { width: 640, height: 480, format, matrix: 'bt709', range: 'tv' };
      const { plate, frame, box } = await replaced(PLATE, spec);
      expect(backgroundPsnr(plate, frame, box)).toBe(Infinity);
      expect(frame.bytes).not.toEqual(plate.bytes);
      if (format === 'yuv420p') continue;
      const changed = frame.planes[0].samples.filter((sample, i) => sample !== plate.planes[0].samples[i]);
      const finer = changed.filter((sample) => sample % 4 !== 0).length / changed.length;
      expect(finer, 'a 10-bit plate is not written in steps of 8 bits').toBeGreaterThan(0.6);
    }
  });

  test('broad colour passes over the rim without a step', async () => {
    const seamOf = async (rimWidth: number): Promise<number> => {
      const plate = await drawFrame([PLATE]);
      const frame = await drawFrame([PLATE]);
      const { landmarks } = await measured(plate);
      const settings = { ...DEFAULT_REPLACE_SETTINGS, rimWidth };
      const box = replaceFace(frame, prepareReplaceTrack(identity, [landmarks], settings), landmarks);
      return rimDifference(plate, frame, box).seamDeltaE;
    };
    const [blended, cut] = [await seamOf(DEFAULT_REPLACE_SETTINGS.rimWidth), await seamOf(0)];
    console.log(`seam: ${blended.toFixed(2)} blended, ${cut.toFixed(2)} cut`);
    expect(blended).toBeLessThan(0.8 * cut);
  });

  test('the same frame gives the same samples, whatever was rendered before', async () => {
    const { frame, before } = await replaced(PLATE);
    await replaced({ ...PLATE, x: 280, mouth: 1 });
    const again = await drawFrame([PLATE]);
    replaceFace(again, prepareReplaceTrack(identity, [before.landmarks], DEFAULT_REPLACE_SETTINGS), before.landmarks);
    expect(again.bytes).toEqual(frame.bytes);
  });

  test("light from the plate's side stays on that side", async () => {
    const frame = await drawFrame([{ ...PLATE, scale: 1.5 }]);
    sideLight(frame);
    const { landmarks } = await measured(frame);
    const before = cheekRatio(frame);
    replaceFace(frame, prepareReplaceTrack(identity, [landmarks], DEFAULT_REPLACE_SETTINGS), landmarks);
    expect(before).toBeGreaterThan(1.15);
    expect(cheekRatio(frame) / before).toBeGreaterThan(0.85);
    expect(cheekRatio(frame) / before).toBeLessThan(1.2);
  });

  test('a hand before the mouth stays where a network sees it, and its colour is not taken for light', async () => {
    const plate = await drawFrame([PLATE]);
    const { landmarks } = await measured(plate);
    const track = prepareReplaceTrack(identity, [landmarks], DEFAULT_REPLACE_SETTINGS);
    const covered = wrapFrame(plate.spec, plate.bytes.slice());
    const hand = (x: number, y: number) => x > 300 && x < 420 && y > 250 && y < 330;
    const { samples, width } = covered.planes[0];
    for (let i = 0; i < samples.length; i++) if (hand(i % width, Math.floor(i / width))) samples[i] = 235;
    const seen: SeenFace = {
      plateToCrop: [1, 0, -160, 0, 1, -80],
      size: 320,
      mask: Float32Array.from({ length: 320 * 320 }, (_, i) =>
        hand((i % 320) + 160, Math.floor(i / 320) + 80) ? 0 : 1,
      ),
    };
    const render = (source: Frame, sight?: SeenFace) => {
      const frame = wrapFrame(source.spec, source.bytes.slice());
      replaceFace(frame, track, landmarks, sight);
      return frame;
    };
    const [free, blind, aware] = [render(plate), render(covered), render(covered, seen)];
    const middle = 290 * width + 350;
    expect(blind.planes[0].samples[middle]).not.toBe(235);
    expect(aware.planes[0].samples[middle]).toBe(235);
    // Beside the hand the face is about what it is without one.
    const off = (frame: Frame) => {
      let sum = 0;
      for (let y = 225; y < 245; y++) {
        for (let x = 310; x < 400; x++) {
          sum += Math.abs(frame.planes[0].samples[y * width + x]! - free.planes[0].samples[y * width + x]!);
        }
      }
      return sum / (20 * 90);
    };
    console.log(`beside the hand: ${off(blind).toFixed(1)} off without the network, ${off(aware).toFixed(1)} with it`);
    expect(off(aware)).toBeLessThan(0.5 * off(blind));
    const everything = { ...seen, mask: seen.mask.map(() => 1) };
    expect(Buffer.compare(render(plate, everything).bytes, free.bytes)).toBe(0);
  });

  test('a face larger than the work size is replaced too', async () => {
    const spec: FrameSpec = { width: 1280, height: 960, format: 'yuv420p', matrix: 'bt709', range: 'tv' };
    const { before, after } = await replaced({ ...PLATE, x: 640, y: 400, scale: 3 }, spec);
    const rise = cosine(after.embedding, ada.embedding) - cosine(before.embedding, ada.embedding);
    expect(rise).toBeGreaterThan(0.2);
  });
});

describe('what can not be replaced', () => {
  test('no image, landmarks of another number, and an empty track are refused', () => {
    expect(() => prepareIdentity([], DEFAULT_REPLACE_SETTINGS)).toThrow(RangeError);
    const image = { rgb: new Uint8Array(12), width: 2, height: 2, landmarks: [1, 2] };
    expect(() => prepareIdentity([image], DEFAULT_REPLACE_SETTINGS)).toThrow(RangeError);
    expect(() => prepareReplaceTrack(identity, [], DEFAULT_REPLACE_SETTINGS)).toThrow(RangeError);
  });
});
