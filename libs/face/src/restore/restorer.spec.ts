import { applyAffine } from '@understudy/frame';
import { expect, test } from 'vitest';

import { GraphBuilder, dot, openGenerated } from '../../test/graphs.js';
import type { Pose } from '../../test/ramps.js';
import { posedPoints, rampAt, rampFrame, toPlate } from '../../test/ramps.js';
import { pasteFace } from '../swap/swapped-face.js';
import { blendWithinDrift } from './fidelity.js';
import { packRestorer } from './restorer.js';

const SIZE = 512;
const POSE: Pose = { scale: 150 / SIZE, roll: -0.2, x: 120, y: 110 };
const FFHQ = [
  [0.37691676, 0.46864664],
  [0.62285697, 0.46912813],
  [0.50123859, 0.61331904],
  [0.39308822, 0.725411],
  [0.61150205, 0.72490465],
] as const;
const POINTS = posedPoints(FFHQ, SIZE, POSE);
/** Blue is driven beyond 1, where the contract clips. */
const MATRIX = [
  [0.5, 0.3, -0.1],
  [-0.2, 0.6, 0.3],
  [0.2, 0.4, 2.5],
];

function graph(weighted: boolean) {
  const builder = new GraphBuilder();
  const picture = builder.mix(builder.input('input', [1, 3, SIZE, SIZE]), MATRIX);
  const weight = weighted ? builder.op('Cast', [builder.input('weight', [1], 'float64')], { to: 1 }) : '';
  builder.output('output', weighted ? builder.op('Mul', [picture, weight]) : picture, [1, 3, SIZE, SIZE]);
  return builder.model();
}

/** The plate, and what the network must make of it, at one place of the crop. */
function colours(u: number, v: number, gain: number): { plate: number[]; restored: number[] } {
  const plate = rampAt(...toPlate(POSE, u + 0.5, v + 0.5));
  const normal = plate.map((sample) => (sample / 255 - 0.5) / 0.5);
  const restored = MATRIX.map((row) => ((Math.min(1, Math.max(-1, gain * dot(row, normal))) + 1) / 2) * 255);
  return { plate: [...plate], restored };
}

test.each([
  ['gfpgan_1.2', 1],
  ['gfpgan_1.3', 1],
  ['gfpgan_1.4', 1],
  ['codeformer', 0.7],
  ['restoreformer_plus_plus', 1],
  ['gpen_bfr_512', 1],
])('%s: ffhq crop, red first, -1 to 1, clipped, blended by its strength', async (id, gain) => {
  const frame = rampFrame(400, 300);
  const pack = await openGenerated(id, graph(id === 'codeformer'));
  const face = await packRestorer(pack).restore(frame, POINTS, { strength: 0.8, weight: gain });
  await pack.release();
  expect(face).toMatchObject({ strength: 0.8, drift: undefined, size: SIZE });
  for (const [u, v] of [
    [60, 90],
    [400, 120],
    [256, 256],
    [100, 450],
    [480, 500],
  ] as const) {
    const [x, y] = applyAffine(face.plateToCrop, ...toPlate(POSE, u, v));
    expect(Math.hypot(x - u, y - v)).toBeLessThan(0.02);
    const { plate, restored } = colours(u, v, gain);
    restored.forEach((value, c) => {
      const wanted = 0.2 * plate[c]! + 0.8 * value;
      expect(Math.abs(face.rgb[(c * SIZE + v) * SIZE + u]! - wanted)).toBeLessThan(1);
    });
  }
});

test('identity may drift no further than the bound: the strength is lowered until it holds', async () => {
  const original = new Float32Array(300).fill(100);
  const restored = new Float32Array(300).fill(200);
  // An identity that turns with the picture: 90 degrees at full strength.
  const identityOf = async (rgb: Float32Array) => {
    const angle = ((rgb[0]! - 100) / 100) * (Math.PI / 2);
    return Float32Array.of(Math.cos(angle), Math.sin(angle));
  };
  const free = await blendWithinDrift(original, restored, { strength: 0.8, maxDrift: 2 }, identityOf);
  expect(free.strength).toBe(0.8);
  const bound = await blendWithinDrift(original, restored, { strength: 0.8, maxDrift: 0.2 }, identityOf);
  const exact = Math.acos(0.8) / (Math.PI / 2);
  expect(bound.drift).toBeLessThanOrEqual(0.2);
  expect(bound.strength).toBeLessThanOrEqual(exact);
  expect(bound.strength).toBeGreaterThan(exact - 0.8 / 32);
  expect(bound.rgb[7]).toBeCloseTo(100 + 100 * bound.strength, 3);
  const none = await blendWithinDrift(original, restored, { strength: 0.8, maxDrift: 0 }, identityOf);
  expect(none).toMatchObject({ strength: 0, drift: 0 });
  expect(none.rgb).toEqual(original);
});

test('a restorer with a fidelity measures the crop it returns', async () => {
  const frame = rampFrame(400, 300);
  const pack = await openGenerated('gfpgan_1.4', graph(false));
  const seen: number[] = [];
  const face = await packRestorer(pack).restore(frame, POINTS, {
    strength: 1,
    fidelity: {
      maxDrift: 0.05,
      identityOf: async (rgb, side, points) => {
        expect(side).toBe(SIZE);
        points.forEach((point, i) => {
          expect(Math.hypot(point.x - FFHQ[i]![0] * SIZE, point.y - FFHQ[i]![1] * SIZE)).toBeLessThan(0.05);
        });
        const place = (2 * SIZE + 500) * SIZE + 480;
        seen.push(rgb[place]!);
        return Float32Array.of(1, (rgb[place]! - 60) / 20);
      },
    },
  });
  await pack.release();
  expect(face.strength).toBeLessThan(1);
  expect(face.drift).toBeLessThanOrEqual(0.05);
  expect(seen.length).toBeGreaterThan(3);
});

test('a face is written under its mask alone, softly, and nothing else changes', async () => {
  const frame = rampFrame(400, 300);
  const before = frame.planes.map((plane) => plane.samples.slice());
  const rgb = new Float32Array(3 * 64 * 64).fill(250);
  const mask = Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 64 >= 16 && i % 64 < 48 ? 0.5 : 0));
  const own = Float32Array.from({ length: 64 * 64 }, (_, i) => (i < 32 * 64 ? 1 : 0));
  pasteFace(frame, { plateToCrop: [1, 0, -100, 0, 1, -50], size: 64, rgb, mask: own }, mask, 0.5);
  // Green, blue, red: 10 bits.
  const wanted = (old: number) => old + 0.25 * ((250 * 1023) / 255 - old);
  frame.planes.forEach((plane, k) => {
    for (let y = 0; y < 300; y++) {
      for (let x = 0; x < 400; x++) {
        const inside = x >= 116 && x < 148 && y >= 50 && y < 82;
        const old = before[k]![y * 400 + x]!;
        const now = plane.samples[y * 400 + x]!;
        if (inside ? Math.abs(now - wanted(old)) > 1 : now !== old) throw new Error(`${k} ${x},${y}: ${old} -> ${now}`);
      }
    }
  });
});
