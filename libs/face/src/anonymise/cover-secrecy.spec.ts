import { ANONYMISE_STYLES } from '@understudy/contracts';
import { allocateFrame, type Frame, type FrameSpec, wrapFrame } from '@understudy/frame';
import { expect, test } from 'vitest';

import { random } from '../../test/observations.js';
import { CANONICAL_LANDMARKS } from '../replace/canonical-face.js';
import { fitPose } from '../replace/pose.js';
import { anonymiseFrame, type FaceToCover } from './anonymise.js';
import { chooseStranger } from './choose-stranger.js';
import { coverAt, headRegion } from './head-region.js';
import { showsStranger } from './stranger-cover.js';
import { bearingOf, prepareStranger, usualPitch } from './stranger.js';

const SPEC: FrameSpec = { width: 320, height: 320, format: 'yuv444p', matrix: 'bt709', range: 'tv' };
const margin = 0.25;

/** A usual face whose outer eye corners are `size` pixels apart, turned by `yaw` radians. */
function face({ size = 50, yaw = 0, wide = 1, x = 160, y = 150 }): FaceToCover {
  const landmarks = Array.from({ length: 68 }, (_, i) => {
    const [a, b, c] = CANONICAL_LANDMARKS.subarray(3 * i, 3 * i + 3);
    return [x + size * (wide * a! * Math.cos(yaw) + c! * Math.sin(yaw)), y + size * b!];
  });
  const xs = landmarks.map(([at]) => at!);
  const box = { x: Math.min(...xs), y: y - 0.5 * size, width: Math.max(...xs) - Math.min(...xs), height: 1.85 * size };
  return { landmarks: landmarks.flat(), box };
}

function noise(seed: number): Frame {
  const frame = allocateFrame(SPEC);
  const next = random(seed);
  for (let i = 0; i < frame.bytes.length; i++) frame.bytes[i] = Math.floor(256 * next());
  return frame;
}

/** Portrait of a usual face: a ramp of colours that shows where each pixel comes from. */
function portrait() {
  const size = 256;
  const rgb = Uint8Array.from({ length: 3 * size * size }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % size, Math.floor(i / 3 / size)];
    return [x, y, 128][i % 3]!;
  });
  const { landmarks } = face({ size: 60, x: 128, y: 110 });
  return { rgb, width: size, height: size, landmarks: [...landmarks] };
}

const stranger = prepareStranger(portrait());

function covered(plate: Frame, one: FaceToCover, style: (typeof ANONYMISE_STYLES)[number], seed = 5): Frame {
  const frame = wrapFrame(plate.spec, plate.bytes.slice());
  anonymiseFrame(frame, [one], { style, margin, seed });
  return frame;
}

test.each(ANONYMISE_STYLES)('%s: what is shown in the region does not depend on who is covered', (style) => {
  const one = { ...face({ yaw: 0.2 }), stranger };
  const [first, second] = [covered(noise(1), one, style), covered(noise(2), one, style)];
  const region = headRegion(one, margin);
  let differing = 0;
  first.planes.forEach((plane, index) => {
    plane.samples.forEach((sample, i) => {
      const inside = coverAt(region, (i % SPEC.width) + 0.5, Math.floor(i / SPEC.width) + 0.5) === 1;
      if (inside && sample !== second.planes[index]!.samples[i]) differing++;
    });
  });
  expect(differing).toBe(0);
});

test.each(ANONYMISE_STYLES)('%s is the same whenever it is made', (style) => {
  const one = { ...face({ yaw: -0.3 }), stranger };
  expect(Buffer.compare(covered(noise(3), one, style).bytes, covered(noise(3), one, style).bytes)).toBe(0);
});

test.each(['blur', 'pixelate'] as const)('%s has another structure for another seed', (style) => {
  const one = face({});
  expect(Buffer.compare(covered(noise(3), one, style, 1).bytes, covered(noise(3), one, style, 2).bytes)).not.toBe(0);
});

test('the outline has one form, for wide faces and for narrow ones', () => {
  const forms = [0.85, 1, 1.15].map((wide) => headRegion(face({ wide }), margin));
  for (const { radiusX, radiusY } of forms) expect(radiusX / radiusY).toBeCloseTo(0.8, 9);
});

test('a stranger is drawn in the pose of the head', () => {
  // The portrait's red is its column: at the nose tip it is the column of the portrait's own nose tip.
  const noseAt = (yaw: number): number => {
    const one = face({ yaw });
    const frame = covered(noise(4), { ...one, stranger }, 'stranger');
    const region = headRegion(one, margin);
    const row = Math.round(region.centreY + 0.15 * region.radiusY);
    let nearest = 0;
    let least = Infinity;
    for (let x = 80; x < 240; x++) {
      const at = row * SPEC.width + x;
      // Cr of red = 128 at mid grey falls and rises with the column alone.
      const [luma, , red] = frame.planes.map((plane) => plane.samples[at]!);
      const value = ((luma! - 16) * 255) / 219 + ((red! - 128) * 255 * 1.5748) / 224;
      if (Math.abs(value - 128) < least) [least, nearest] = [Math.abs(value - 128), x];
    }
    return nearest - region.centreX;
  };
  expect(noseAt(0.4)).toBeGreaterThan(noseAt(0) + 5);
  expect(noseAt(-0.4)).toBeLessThan(noseAt(0) - 5);
});

test('a nod is taken over, the pitch that somebody always seems to have is not', () => {
  const { landmarks } = face({});
  const { pitch } = fitPose(landmarks);
  expect(bearingOf(landmarks).pitch).toBe(0);
  expect(bearingOf(landmarks, pitch - 0.1).pitch).toBeCloseTo(0.1, 9);
  expect(usualPitch([landmarks, landmarks])).toBe(pitch);
});

test('a face turned away, a small one and one without a stranger are covered plainly', () => {
  const plain = (one: FaceToCover): boolean =>
    Buffer.compare(covered(noise(6), one, 'stranger').bytes, covered(noise(6), one, 'solid').bytes) === 0;
  expect(plain({ ...face({}), stranger })).toBe(false);
  expect(plain(face({}))).toBe(true);
  for (const one of [face({ yaw: 1.1 }), face({ size: 7 })]) {
    expect(showsStranger(one, margin)).toBe(false);
    expect(plain({ ...one, stranger })).toBe(true);
  }
});

test('a stranger resembles nobody who is to be kept apart, and is the same at every asking', async () => {
  const drawn: number[] = [];
  // Every third stranger looks like the first axis, the others like the second.
  const draw = async (number: number) => {
    drawn.push(number);
    return { stranger, embedding: Float32Array.of(number % 3 === 0 ? 1 : 0, number % 3 === 0 ? 0 : 1) };
  };
  const person = [Float32Array.of(1, 0)];
  const taken = new Set<number>();
  expect(await chooseStranger(300, draw, person, taken)).toBe(stranger);
  const [chosen] = taken;
  expect(chosen! % 3).not.toBe(0);
  const again = new Set<number>();
  await chooseStranger(300, draw, person, again);
  expect(again).toEqual(taken);
  await chooseStranger(300, draw, person, again);
  expect(again.size).toBe(2);
  expect(await chooseStranger(300, draw, [Float32Array.of(1, 1)], new Set())).toBeNull();
});
