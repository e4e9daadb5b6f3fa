import type { Affine } from '@understudy/frame';
import { invertAffine } from '@understudy/frame';
import { expect, test } from 'vitest';

import { GraphBuilder, dot, openGenerated } from '../../test/graphs.js';
import type { Pose } from '../../test/ramps.js';
import { rampAt, rampFrame, toPlate } from '../../test/ramps.js';
import { likeliest, packOcclusionMasker, packRegionMasker } from './pack-masks.js';
import { boxMask, combineMasks, convexHull, hullMask } from './shapes.js';

const SIZE = 128;
const POSE: Pose = { scale: 150 / SIZE, roll: 0.3, x: 150, y: 60 };
const frame = rampFrame(400, 300);
const [cos, sin] = [POSE.scale * Math.cos(POSE.roll), POSE.scale * Math.sin(POSE.roll)];
const plateToCrop: Affine = invertAffine([cos, -sin, POSE.x, sin, cos, POSE.y]);

const PLACES = [
  [40, 40],
  [90, 40],
  [64, 64],
  [40, 90],
  [90, 95],
] as const;
const colourAt = (u: number, v: number) => rampAt(...toPlate(POSE, u + 0.5, v + 0.5)).map((value) => value / 255);

test('xseg: interleaved blue-green-red of 0 to 1; what covers the face is never written', async () => {
  const weights = [-0.4, 0.35, 1.1];
  const graph = new GraphBuilder();
  const apart = graph.op('Transpose', [graph.input('input', [1, 256, 256, 3])], { perm: [0, 3, 1, 2] });
  const mask = graph.op('Transpose', [graph.mix(apart, [weights])], { perm: [0, 2, 3, 1] });
  graph.output('output', mask, [1, 256, 256, 1]);
  const pack = await openGenerated('xseg', graph.model());
  const found = await packOcclusionMasker(pack).maskOf(frame, plateToCrop, SIZE);
  await pack.release();
  expect(found).toHaveLength(SIZE * SIZE);
  let graded = 0;
  for (const [u, v] of PLACES) {
    const [red, green, blue] = colourAt(u, v) as [number, number, number];
    // A ramp is its own mean, so softening leaves it; what is less than half seen is covered.
    const seen = Math.min(1, Math.max(0, dot(weights, [blue, green, red])));
    const wanted = Math.max(0, 2 * (seen - 0.5));
    if (wanted > 0.02 && wanted < 0.98) graded++;
    expect(Math.abs(found[v * SIZE + u]! - wanted)).toBeLessThan(0.02);
  }
  expect(graded).toBeGreaterThan(1);
});

test('bisenet: red first with the mean and deviation of ImageNet; the likeliest class decides', async () => {
  const mean = [0.485, 0.456, 0.406];
  const std = [0.229, 0.224, 0.225];
  const rows = Array.from({ length: 19 }, () => [0, 0, 0]);
  // Skin where it is green, hair where it is red, blue or the background.
  rows[1] = [-0.2, 1.1, 0.1];
  rows[17] = [0.9, 0.15, -0.3];
  rows[13] = [0.2, -0.3, 0.5];
  const graph = new GraphBuilder();
  graph.output('output', graph.mix(graph.input('input', [1, 3, 512, 512]), rows), [1, 19, 512, 512]);
  const pack = await openGenerated('bisenet', graph.model());
  const masker = packRegionMasker(pack);
  const found = await masker.maskOf(frame, plateToCrop, SIZE);
  const hair = await packRegionMasker(pack, [17]).maskOf(frame, plateToCrop, SIZE);
  await pack.release();
  const classAt = (u: number, v: number) => {
    const normal = colourAt(u, v).map((value, c) => (value - mean[c]!) / std[c]!);
    const scores = rows.map((row) => dot(row, normal));
    return scores.indexOf(Math.max(...scores));
  };
  const counts = new Map<number, number>();
  for (let v = 12; v < SIZE - 12; v++) {
    for (let u = 12; u < SIZE - 12; u++) {
      const own = classAt(u, v);
      // Away from the regions' borders, where both are soft.
      const around = [-8, 0, 8].flatMap((dv) => [-8, 0, 8].map((du) => classAt(u + du, v + dv)));
      if (around.some((one) => one !== own)) continue;
      counts.set(own, (counts.get(own) ?? 0) + 1);
      expect(found[v * SIZE + u]).toBeCloseTo(own === 1 || own === 13 ? 1 : 0, 1);
      expect(hair[v * SIZE + u]).toBeCloseTo(own === 17 ? 1 : 0, 1);
    }
  }
  expect(counts.size).toBeGreaterThanOrEqual(2);
  expect(Math.min(...counts.values())).toBeGreaterThan(100);
});

test('of equal scores the first class counts', () => {
  expect([...likeliest(Float32Array.of(1, 0, 5, 1, 2, 5, 0, 9, 5), 3)]).toEqual([0, 2, 0]);
});

test('a box is 1 in the middle, 0 on the border, and free where it is padded', () => {
  const mask = boxMask(100, { feather: 0.2, padding: [0, 0.3, 0, 0] });
  expect(mask[50 * 100 + 40]).toBeCloseTo(1, 2);
  expect(mask[50 * 100 + 75]).toBeLessThan(0.05);
  for (let i = 0; i < 100; i++)
    expect([mask[i], mask[9900 + i], mask[100 * i], mask[100 * i + 99]]).toEqual([0, 0, 0, 0]);
  expect(mask[50 * 100 + 12]).toBeGreaterThan(0);
  expect(mask[50 * 100 + 12]).toBeLessThan(0.99);
});

test('a hull covers its points and nothing far from them', () => {
  const corners = [150, 60, 250, 80, 240, 180, 140, 160, 200, 120];
  const identity: Affine = [0.5, 0, -50, 0, 0.5, 0];
  const mask = hullMask(corners, identity, 128, { feather: 0.02 });
  const at = (x: number, y: number) => mask[Math.floor(y / 2) * 128 + Math.floor((x - 100) / 2)]!;
  expect(at(200, 120)).toBeCloseTo(1, 2);
  expect(at(156, 70)).toBeGreaterThan(0.9);
  expect(at(130, 70)).toBeLessThan(0.01);
  expect(at(252, 100)).toBeLessThan(0.2);
  expect(convexHull(corners)).toHaveLength(8);
  const grown = hullMask(corners, identity, 128, { feather: 0.02, grow: 0.2 });
  expect(grown[40 * 128 + 76]! - mask[40 * 128 + 76]!).toBeGreaterThan(0.5);
});

test('masks together allow what each of them allows', () => {
  expect([...combineMasks(Float32Array.of(1, 0.5, 1), Float32Array.of(0.25, 1, 1), Float32Array.of(1, 1, 0))]).toEqual([
    0.25, 0.5, 0,
  ]);
});
