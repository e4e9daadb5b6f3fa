import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { ADA, drawFrame, truthOf } from '../../test/drawn-face.js';
import { rampFrame } from '../../test/ramps.js';
import { readShapePredictor } from './ert-file.js';
import { locateByTrees, predictShape } from './ert-landmarker.js';
import { eyeCentres, eyeDistance, pointAt } from './points.js';

const DEBIAN_FILE = '/usr/share/dlib/shape_predictor_68_face_landmarks.dat';

/** Writes numbers as dlib does, from its format's description alone. */
class Writer {
  readonly bytes: number[] = [];
  integer(value: number): this {
    const digits: number[] = [];
    for (let rest = Math.abs(value); rest > 0; rest = Math.floor(rest / 256)) digits.push(rest % 256);
    if (digits.length === 0) digits.push(0);
    this.bytes.push((value < 0 ? 0x80 : 0) | digits.length, ...digits);
    return this;
  }
  /** Any mantissa of up to 24 bits times a power of two. */
  float(value: number): this {
    let exponent = 0;
    let mantissa = Math.fround(value);
    while (!Number.isInteger(mantissa)) [mantissa, exponent] = [mantissa * 2, exponent - 1];
    return this.integer(mantissa).integer(exponent);
  }
  column(values: readonly number[]): this {
    this.integer(-values.length).integer(-1);
    for (const value of values) this.float(value);
    return this;
  }
}

/** Three points, two cascades of one tree with three splits each, two features a cascade. */
const INITIAL = [0.25, 0.25, 0.75, 0.25, 0.5, 0.75];
const LEAVES = [0, 1, 2, 3].map((leaf) => INITIAL.map((_, i) => (leaf + 1) * 0.03125 * (i % 2 === 0 ? 1 : -0.5)));
const ANCHORS = [0, 2];
const DELTAS = [
  [0.125, 0.0625],
  [-0.25, 0.03125],
];

function smallFile(splits: readonly (readonly [number, number, number])[]): Uint8Array {
  const out = new Writer().integer(1).column(INITIAL).integer(2);
  for (let cascade = 0; cascade < 2; cascade++) {
    out.integer(1).integer(splits.length);
    for (const [first, second, threshold] of splits) out.integer(first).integer(second).float(threshold);
    out.integer(LEAVES.length);
    for (const leaf of LEAVES) out.column(leaf);
  }
  out.integer(2);
  for (let cascade = 0; cascade < 2; cascade++) {
    out.integer(ANCHORS.length);
    for (const anchor of ANCHORS) out.integer(anchor);
  }
  out.integer(2);
  for (let cascade = 0; cascade < 2; cascade++) {
    out.integer(DELTAS.length);
    for (const [x, y] of DELTAS) out.float(x!).float(y!);
  }
  return Uint8Array.from(out.bytes);
}

const SPLITS = [
  [0, 1, 10],
  [1, 0, -40],
  [0, 1, -25],
] as const;

test('a file of the format is read number by number', () => {
  const { initialShape, cascades } = readShapePredictor(smallFile(SPLITS));
  expect([...initialShape]).toEqual(INITIAL);
  expect(cascades).toHaveLength(2);
  const [{ trees, anchors, deltas }] = cascades as [(typeof cascades)[number]];
  expect([...anchors]).toEqual(ANCHORS);
  expect([...deltas]).toEqual(DELTAS.flat());
  expect([...trees[0]!.threshold]).toEqual([10, -40, -25]);
  expect([...trees[0]!.leaves]).toEqual(LEAVES.flat());
});

test('the trees are walked as dlib walks them, features moving with the shape', () => {
  const predictor = readShapePredictor(smallFile(SPLITS));
  const grey = (x: number, y: number) => 200 * x + 90 * y;
  // By hand. First cascade, initial shape: features at (.375, .3125) and (.25, .78125): 103.125 and 120.3125; the first is
  // not 10 above the second: right; the third split: -17.1875 > -25: left child of node 2, which is the leaf 2.
  // Second cascade: the shape is shifted by (.09375, -.046875), which turns and scales nothing: both features rise by
  // 200 * .09375 - 90 * .046875, their difference stays: the leaf 2 again.
  const wanted = INITIAL.map((value, i) => value + 2 * LEAVES[2]![i]!);
  [...predictShape(predictor, grey)].forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5));
  // With x and y exchanged the difference is 90 * .125 - 200 * .46875 = -82.5: right, then the leaf 3.
  const other = INITIAL.map((value, i) => value + 2 * LEAVES[3]![i]!);
  [...predictShape(predictor, (x, y) => grey(y, x))].forEach((value, i) => expect(value).toBeCloseTo(other[i]!, 5));
});

test('what is cut off, or asks for features that are not there, is refused', () => {
  const whole = smallFile(SPLITS);
  const bad = [
    whole.subarray(0, whole.length - 3),
    Uint8Array.of(...whole, 0),
    smallFile([[9, 0, 1], SPLITS[1], SPLITS[2]]),
  ];
  for (const bytes of [...bad, smallFile(SPLITS.slice(1)), new Uint8Array(0)]) {
    expect(() => readShapePredictor(bytes)).toThrow(expect.objectContaining({ code: 'PACK_UNREADABLE' }));
  }
});

test('points come back in plate pixels', () => {
  const predictor = readShapePredictor(smallFile(SPLITS));
  const frame = rampFrame(400, 300);
  const box = { x: 100, y: 80, width: 120, height: 100 };
  const points = locateByTrees(predictor, frame, box);
  const shape = predictShape(predictor, (x, y) => {
    const [px, py] = [100 + x * 120, 80 + y * 100];
    return 0.299 * (20 + 0.5 * px) + 0.587 * (40 + 0.45 * py) + 0.114 * (210 - 0.2 * px - 0.3 * py);
  });
  for (let i = 0; i < 3; i++) {
    expect(points[2 * i]).toBeCloseTo(100 + 120 * shape[2 * i]!, 3);
    expect(points[2 * i + 1]).toBeCloseTo(80 + 100 * shape[2 * i + 1]!, 3);
  }
});

test.skipIf(!existsSync(DEBIAN_FILE))(
  `Debian's file finds a drawn face (skipped where ${DEBIAN_FILE} of libdlib-data is absent)`,
  async () => {
    const predictor = readShapePredictor(await readFile(DEBIAN_FILE));
    expect(predictor.initialShape).toHaveLength(136);
    expect(predictor.cascades).toHaveLength(15);
    expect(predictor.cascades[0]!.trees).toHaveLength(500);
    const placement = { x: 320, y: 210, scale: 1, roll: 6, look: ADA };
    const frame = await drawFrame([placement]);
    const truth = truthOf(placement);
    const wanted = [...truth.eyes, ...truth.mouthCorners];
    const errors = (points: Float64Array | number[], unit: number) => {
      const found = [...eyeCentres(points), pointAt(points, 48), pointAt(points, 54)];
      return wanted.map(([x, y], i) => Math.hypot(found[i]!.x - x, found[i]!.y - y) / unit);
    };
    // Brows to chin, a little off to one side.
    const box = { x: 250, y: 180, width: 150, height: 150 };
    const points = locateByTrees(predictor, frame, box);
    const unit = eyeDistance(points);
    const before = Array.from(predictor.initialShape, (value, i) => (i % 2 === 0 ? box.x : box.y) + 150 * value);
    expect(Math.max(...errors(points, unit))).toBeLessThan(0.08);
    expect(Math.max(...errors(points, unit))).toBeLessThan(0.3 * Math.max(...errors(before, unit)));
  },
  120_000,
);
