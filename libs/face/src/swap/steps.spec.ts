import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Frame } from '@understudy/frame';
import { wrapFrame } from '@understudy/frame';
import { openPack } from '@understudy/inference';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ADA, drawFrame } from '../../test/drawn-face.js';
import { GraphBuilder, addGenerated, dot, unevenWeights } from '../../test/graphs.js';
import { faceRightOf, seenLeftOf } from '../../test/mask-graphs.js';
import { rampFrame } from '../../test/ramps.js';
import { fivePoints } from '../identity/embedder.js';
import { openRestoreStep } from '../restore/restore-step.js';
import { packRecogniser } from './recogniser.js';
import type { SwapSettings } from './swap-step.js';
import { openSwapStep } from './swap-step.js';

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'understudy-steps-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

/** 68 points of an upright face of this width, around a middle. */
function landmarksAt(x: number, y: number, width: number): number[] {
  const points: [number, number][] = Array.from({ length: 68 }, (_, i) => {
    const angle = (i / 17) * Math.PI;
    return [0.5 * Math.cos(angle), 0.55 * Math.sin(angle)];
  });
  const set = (indices: readonly number[], u: number, v: number) => indices.forEach((i) => (points[i] = [u, v]));
  set([36, 37, 38, 39, 40, 41], -0.2, -0.15);
  set([42, 43, 44, 45, 46, 47], 0.2, -0.15);
  set([30], 0, 0.05);
  set([48, 60], -0.15, 0.28);
  set([54, 64], 0.15, 0.28);
  return points.flatMap(([u, v]) => [x + u * width, y + v * width]);
}

/** What the network gives is what is written. */
const SETTINGS: SwapSettings = {
  strength: 1,
  feather: 0.1,
  shape: 'hull',
  morph: 1,
  colour: 'none',
  blend: 'alpha',
};
const COLOURS = Array.from({ length: 512 }, (_, i) => [Math.cos(i), Math.sin(2 * i + 1), Math.cos(3 * i)]);

/** Paints the face in one colour, which the identity alone decides. */
function painter() {
  const graph = new GraphBuilder();
  const bias = graph.op('MatMul', [graph.input('source', [1, 512]), graph.floats([512, 3], COLOURS.flat())]);
  const target = graph.input('target', [1, 3, 256, 256]);
  const nothing = graph.mix(target, [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ]);
  const shaped = graph.op('Reshape', [bias, graph.integers([1, 3, 1, 1])]);
  graph.output('output', graph.op('Add', [nothing, shaped]), [1, 3, 256, 256]);
  const one = graph.op('Add', [graph.mix(target, [[0, 0, 0]]), graph.floats([1], [1])]);
  graph.output('mask', one, [1, 1, 256, 256]);
  return graph.model();
}

function recogniser() {
  const graph = new GraphBuilder();
  const rows = Array.from({ length: 512 }, (_, i) => ({
    index: i,
    constant: 0,
    weights: unevenWeights(i % 37, 12, 1),
  }));
  const quarters = graph.quarters(graph.input('input', [1, 3, 112, 112]), 112);
  graph.output('output', graph.probe(quarters, 12, [1, 512], rows), [1, 512]);
  return graph.model();
}

const copyOf = (frame: Frame) => wrapFrame(frame.spec, frame.bytes.slice());

test('a swap prepares its identity from several pictures and writes it under the mask alone', async () => {
  const swapper = await addGenerated(dataDir, 'hyperswap_1a_256', painter());
  const arcface = await addGenerated(dataDir, 'arcface_w600k_r50', recogniser());
  const portraits = [120, 260].map((x) => ({ frame: rampFrame(400, 300), landmarks: landmarksAt(x, 150, 90) }));
  const step = await openSwapStep({ swapper, recogniser: arcface });
  const source = await step.prepare(portraits);

  const pack = await openPack(arcface);
  const raws: Float32Array[] = [];
  for (const { frame, landmarks } of portraits)
    raws.push((await packRecogniser(pack).embed(frame, fivePoints(landmarks))).raw);
  await pack.release();
  const mean = raws[0]!.map((value, i) => (value + raws[1]![i]!) / 2);
  const length = Math.hypot(...mean);
  mean.forEach((value, i) => expect(source!.data[i]).toBeCloseTo(value / length, 5));

  const landmarks = landmarksAt(200, 150, 100);
  const before = rampFrame(400, 300);
  const frame = copyOf(before);
  await step.apply(frame, landmarks, source, SETTINGS);
  const again = copyOf(before);
  await step.apply(again, landmarks, source, SETTINGS);
  expect(Buffer.compare(again.bytes, frame.bytes)).toBe(0);
  await step.release();

  // Green, blue, red, 10 bits, in the middle of the face.
  const colour = [0, 1, 2].map((c) => {
    const value = dot(
      COLOURS.map((row) => row[c]!),
      source!.data,
    );
    return Math.min(255, Math.max(0, 255 * (0.5 * value + 0.5)));
  });
  [1, 2, 0].forEach((c, plane) => {
    expect(Math.abs(frame.planes[plane]!.samples[150 * 400 + 200]! - (colour[c]! * 1023) / 255)).toBeLessThan(2);
    for (let y = 0; y < 300; y++) {
      for (let x = 0; x < 400; x++) {
        if (Math.hypot(x - 200, y - 150) < 66) continue;
        const at = y * 400 + x;
        if (frame.planes[plane]!.samples[at] !== before.planes[plane]!.samples[at])
          throw new Error(`changed at ${x},${y}`);
      }
    }
  });
});

test('an embedding swapper without its recogniser, and a restorer in its place, are refused', async () => {
  const swapper = await addGenerated(dataDir, 'hyperswap_1a_256', painter());
  const step = await openSwapStep({ swapper });
  const portrait = { frame: rampFrame(400, 300), landmarks: landmarksAt(200, 150, 90) };
  await expect(step.prepare([portrait])).rejects.toThrow(/recogniser/);
  await step.release();
  await expect(openRestoreStep({ restorer: swapper })).rejects.toMatchObject({ code: 'PACK_CONTRACT_MISMATCH' });
});

/** A performer model that paints every face in one grey, however it is asked. */
async function greyPerformer() {
  const graph = new GraphBuilder();
  const apart = graph.op('Transpose', [graph.input('in_face:0', [1, 128, 128, 3])], { perm: [0, 3, 1, 2] });
  const full = (rows: number, value: number) => {
    const zero = graph.mix(
      apart,
      Array.from({ length: rows }, () => [0, 0, 0]),
    );
    return graph.op('Transpose', [graph.op('Add', [zero, graph.floats([1], [value])])], { perm: [0, 2, 3, 1] });
  };
  graph.output('out_face_mask:0', full(1, 1), [1, 128, 128, 1]);
  graph.output('out_celeb_face:0', full(3, 0.5), [1, 128, 128, 3]);
  graph.output('out_celeb_face_mask:0', full(1, 1), [1, 128, 128, 1]);
  return addGenerated(dataDir, 'dfm', graph.model());
}

const red = (of: Frame, x: number) => of.planes[2]!.samples[150 * 400 + x]!;
const GREY = (127.5 * 1023) / 255;

test('a performer model needs no source, and an occlusion network keeps what covers the face', async () => {
  const swapper = await greyPerformer();
  const occlusion = await addGenerated(dataDir, 'xseg', seenLeftOf(120));
  const step = await openSwapStep({ swapper, occlusion });
  const before = rampFrame(400, 300);
  const frame = copyOf(before);
  await step.apply(frame, landmarksAt(200, 150, 120), await step.prepare([]), SETTINGS);
  await step.release();
  // The plate's red is 120 at x = 200: left of it the face is written, right of it the plate stays.
  expect(Math.abs(red(frame, 165) - GREY)).toBeLessThan(3);
  expect(red(before, 165)).toBeLessThan(420);
  expect(red(frame, 215)).toBe(red(before, 215));
});

test('a swap writes only the regions that are the face', async () => {
  const swapper = await greyPerformer();
  const regions = await addGenerated(dataDir, 'bisenet', faceRightOf(120));
  const step = await openSwapStep({ swapper, regions });
  const before = rampFrame(400, 300);
  const frame = copyOf(before);
  await step.apply(frame, landmarksAt(200, 150, 120), undefined, SETTINGS);
  await step.release();
  expect(red(frame, 185)).toBe(red(before, 185));
  expect(Math.abs(red(frame, 230) - GREY)).toBeLessThan(3);
});

test("a network of another colour comes out in the plate's, and what covers the face tells nothing of it", async () => {
  const swapper = await greyPerformer();
  const fit = { ...SETTINGS, colour: 'match', blend: 'poisson' } as const;
  const plate = rampFrame(400, 300);
  const step = await openSwapStep({ swapper });
  const frame = copyOf(plate);
  await step.apply(frame, landmarksAt(200, 150, 120), undefined, fit);
  await step.release();
  for (const x of [165, 200, 235]) expect(Math.abs(red(frame, x) - red(plate, x))).toBeLessThan(25);
  // Something glaring before the right half: the left is written as if it were not there.
  const occlusion = await addGenerated(dataDir, 'xseg', seenLeftOf(120));
  const covered = copyOf(plate);
  for (let i = 0; i < 400 * 300; i++) if (i % 400 > 205) covered.planes[2]!.samples[i] = 1000;
  const aware = await openSwapStep({ swapper, occlusion });
  const beside = copyOf(covered);
  await aware.apply(beside, landmarksAt(200, 150, 120), undefined, fit);
  await aware.release();
  expect(red(beside, 165)).not.toBe(red(covered, 165));
  expect(Math.abs(red(beside, 165) - red(plate, 165))).toBeLessThan(25);
  expect(red(beside, 240)).toBe(1000);
});

test.each(['yuv420p', 'yuv422p10le'] as const)('a restorer keeps the format of the plate, %s', async (format) => {
  const graph = new GraphBuilder();
  const brighter = graph.op('Add', [graph.input('input', [1, 3, 512, 512]), graph.floats([1], [0.2])]);
  graph.output('output', brighter, [1, 3, 512, 512]);
  const restorer = await addGenerated(dataDir, 'gfpgan_1.4', graph.model());
  const step = await openRestoreStep({ restorer });
  const before = await drawFrame([{ x: 320, y: 210, scale: 1, look: ADA }], {
    width: 640,
    height: 480,
    format,
    matrix: 'bt709',
    range: 'tv',
  });
  const frame = copyOf(before);
  const used = await step.apply(frame, landmarksAt(320, 230, 150), {
    strength: 0.5,
    feather: 0.1,
    shape: 'box',
    blend: 'alpha',
  });
  expect(used).toEqual({ strength: 0.5, drift: undefined });
  // 0.2 of -1..1 is 25.5 of 255; half of it, in limited range: 12.75 * 219 / 255 at 8 bits.
  const step8 = (12.75 * 219) / 255;
  const at = 150 * 640 + 320;
  const rise = frame.planes[0].samples[at]! - before.planes[0].samples[at]!;
  expect(Math.abs(rise - step8 * (format === 'yuv420p' ? 1 : 4))).toBeLessThan(2);
  expect(frame.planes[0].samples[5]).toBe(before.planes[0].samples[5]);
  // Joined to the plate at its edge, what is merely brighter changes nothing.
  const joined = copyOf(before);
  await step.apply(joined, landmarksAt(320, 230, 150), { strength: 0.5, feather: 0.1, shape: 'box', blend: 'poisson' });
  await step.release();
  expect(Math.abs(joined.planes[0].samples[at]! - before.planes[0].samples[at]!)).toBeLessThan(2);
});
