import { expect, test } from 'vitest';

import type { Entry } from '../../test/graphs.js';
import { GraphBuilder, dot, openGenerated, unevenWeights } from '../../test/graphs.js';
import { rampAt, rampFrame } from '../../test/ramps.js';
import { packDetector } from './pack-detector.js';

const SIZE = 640;
const WIDTH = 400;
const HEIGHT = 300;
const frame = rampFrame(WIDTH, HEIGHT);

/** Means of the input's quarters, from the ramps alone: blue first, black below the plate. */
function expectedFeatures(normalise: (value: number) => number): number[] {
  const features: number[] = [];
  const scale = SIZE / WIDTH;
  for (const channel of [2, 1, 0]) {
    for (const [top, left] of [
      [0, 0],
      [0, 320],
      [320, 0],
      [320, 320],
    ] as const) {
      let sum = 0;
      for (let y = top; y < top + 320; y++) {
        for (let x = left; x < left + 320; x++) {
          const seen = (y + 0.5) / scale < HEIGHT;
          sum += normalise(seen ? rampAt((x + 0.5) / scale, (y + 0.5) / scale)[channel]! : 0);
        }
      }
      features.push(sum / 320 ** 2);
    }
  }
  return features;
}

/** One face: a place in the maps, and how its numbers hang on the input. */
interface Face {
  readonly level: number;
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly stride: number;
  readonly seed: number;
}

const value = (seed: number, constant: number, k: number, features: readonly number[], scale: number) =>
  constant + dot(unevenWeights(seed * 31 + k, 12, scale), features);

const entries = (face: Face, width: number, constant: (k: number) => number, scale: number): Entry[] =>
  Array.from({ length: width }, (_, k) => ({
    index: face.index * width + k,
    constant: constant(k),
    weights: unevenWeights(face.seed * 31 + k + width, 12, scale),
  }));

const near = (actual: number, wanted: number) => expect(actual).toBeCloseTo(wanted, 1);

test.each(['retinaface_10g', 'scrfd_2.5g'])(
  '%s: strides, two anchors a cell, distances and offsets in strides',
  async (row) => {
    // Column 50 and row 12 of the first map; column 15 and row 9 of the last, second anchor of the cell.
    const faces: Face[] = [
      { level: 0, stride: 8, x: 50 * 8, y: 12 * 8, index: 2 * (12 * 80 + 50), seed: 1 },
      { level: 2, stride: 32, x: 15 * 32, y: 9 * 32, index: 2 * (9 * 20 + 15) + 1, seed: 2 },
    ];
    const scoreAt = (face: Face) => 0.7 + 0.1 * face.seed;
    const constants = { box: (k: number) => 2 + 0.5 * k, points: (k: number) => 0.3 * k - 1 };
    const graph = new GraphBuilder();
    const quarters = graph.quarters(graph.input('input.1', [1, 3, SIZE, SIZE]), SIZE);
    [1, 4, 10].forEach((width) => {
      [8, 16, 32].forEach((stride, level) => {
        const count = 2 * (SIZE / stride) ** 2;
        const own = faces
          .filter((face) => face.level === level)
          .flatMap((face) =>
            width === 1
              ? [{ index: face.index, constant: scoreAt(face), weights: unevenWeights(face.seed, 12, 0.01) }]
              : entries(face, width, width === 4 ? constants.box : constants.points, 0.02),
          );
        graph.output(`out_${width}_${stride}`, graph.probe(quarters, 12, [count, width], own), [count, width]);
      });
    });
    const pack = await openGenerated(row, graph.model());
    const found = await packDetector(pack).detect(frame, 0.5);
    await pack.release();

    const features = expectedFeatures((sample) => (sample - 127.5) / 128);
    const scale = WIDTH / SIZE;
    expect(found).toHaveLength(2);
    for (const face of faces) {
      const score = scoreAt(face) + dot(unevenWeights(face.seed, 12, 0.01), features);
      const actual = found.find((one) => Math.abs(one.score - score) < 0.002)!;
      expect(actual).toBeDefined();
      const box = [0, 1, 2, 3].map((k) => face.stride * value(face.seed, constants.box(k), k + 4, features, 0.02));
      near(actual.box.x, (face.x - box[0]!) * scale);
      near(actual.box.y, (face.y - box[1]!) * scale);
      near(actual.box.width, (box[0]! + box[2]!) * scale);
      near(actual.box.height, (box[1]! + box[3]!) * scale);
      actual.points.forEach((point, i) => {
        near(
          point.x,
          (face.x + face.stride * value(face.seed, constants.points(2 * i), 2 * i + 10, features, 0.02)) * scale,
        );
        near(
          point.y,
          (face.y + face.stride * value(face.seed, constants.points(2 * i + 1), 2 * i + 11, features, 0.02)) * scale,
        );
      });
    }
  },
);

test('yoloface_8n: rows of centre, size, score and five points with their visibility', async () => {
  const anchors = 8400;
  const column = 1234;
  const constants = [300, 260, 80, 120, 0.8, ...[0, 1, 2, 3, 4].flatMap((k) => [270 + 10 * k, 230 + 14 * k, 0.5])];
  const graph = new GraphBuilder();
  const quarters = graph.quarters(graph.input('images', [1, 3, SIZE, SIZE]), SIZE);
  const own = constants.map((constant, row) => ({
    index: row * anchors + column,
    constant,
    weights: unevenWeights(row, 12, row === 4 ? 0.02 : 5),
  }));
  graph.output('output0', graph.probe(quarters, 12, [1, 20, anchors], own), [1, 20, anchors]);
  const pack = await openGenerated('yoloface_8n', graph.model());
  const found = await packDetector(pack).detect(frame, 0.5);
  await pack.release();

  const features = expectedFeatures((sample) => sample / 255);
  const at = (row: number) => constants[row]! + dot(unevenWeights(row, 12, row === 4 ? 0.02 : 5), features);
  const scale = WIDTH / SIZE;
  expect(found).toHaveLength(1);
  const [face] = found;
  expect(face!.score).toBeCloseTo(at(4), 3);
  near(face!.box.x, (at(0) - at(2) / 2) * scale);
  near(face!.box.y, (at(1) - at(3) / 2) * scale);
  near(face!.box.width, at(2) * scale);
  near(face!.box.height, at(3) * scale);
  face!.points.forEach((point, k) => {
    near(point.x, at(5 + 3 * k) * scale);
    near(point.y, at(6 + 3 * k) * scale);
  });
});

test('yunet_2023_mar: class times object, exponents for sizes, one anchor a cell', async () => {
  const face: Face = { level: 1, stride: 16, x: 27 * 16, y: 6 * 16, index: 6 * 40 + 27, seed: 3 };
  const constants = { cls: 0.95, obj: 0.9, bbox: [0.4, 0.7, 1.5, 1.9], kps: (k: number) => 0.2 * k - 0.8 };
  const graph = new GraphBuilder();
  const quarters = graph.quarters(graph.input('input', [1, 3, SIZE, SIZE]), SIZE);
  const scale255 = 0.0004;
  const rows = [
    ['cls', 1],
    ['obj', 1],
    ['bbox', 4],
    ['kps', 10],
  ] as const;
  const constantOf = (name: string, k: number) =>
    name === 'cls'
      ? constants.cls
      : name === 'obj'
        ? constants.obj
        : name === 'bbox'
          ? constants.bbox[k]!
          : constants.kps(k);
  rows.forEach(([name, width], kind) => {
    [8, 16, 32].forEach((stride, level) => {
      const count = (SIZE / stride) ** 2;
      const own = Array.from({ length: level === face.level ? width : 0 }, (_, k) => ({
        index: face.index * width + k,
        constant: constantOf(name, k),
        weights: unevenWeights(10 * kind + k, 12, scale255),
      }));
      graph.output(`${name}_${stride}`, graph.probe(quarters, 12, [1, count, width], own), [1, count, width]);
    });
  });
  const pack = await openGenerated('yunet_2023_mar', graph.model());
  const found = await packDetector(pack).detect(frame, 0.5);
  await pack.release();

  const features = expectedFeatures((sample) => sample);
  const at = (kind: number, name: string, k: number) =>
    constantOf(name, k) + dot(unevenWeights(10 * kind + k, 12, scale255), features);
  const scale = WIDTH / SIZE;
  expect(found).toHaveLength(1);
  const [actual] = found;
  expect(actual!.score).toBeCloseTo(at(0, 'cls', 0) * at(1, 'obj', 0), 3);
  const [dx, dy, w, h] = [0, 1, 2, 3].map((k) => at(2, 'bbox', k)) as [number, number, number, number];
  near(actual!.box.width, 16 * Math.exp(w) * scale);
  near(actual!.box.height, 16 * Math.exp(h) * scale);
  near(actual!.box.x + actual!.box.width / 2, (face.x + 16 * dx) * scale);
  near(actual!.box.y + actual!.box.height / 2, (face.y + 16 * dy) * scale);
  actual!.points.forEach((point, i) => {
    near(point.x, (face.x + 16 * at(3, 'kps', 2 * i)) * scale);
    near(point.y, (face.y + 16 * at(3, 'kps', 2 * i + 1)) * scale);
  });
});
