import type { OnnxModel } from '@understudy/inference';

import type { Box } from '@understudy/frame';

import { GraphBuilder } from './graphs.js';

const SIZE = 640;
const STRIDE = 16;

/**
 * A YuNet that finds one face, always at the same place of what it is shown.
 *
 * @param box in samples of its input of 640
 */
export function stillDetector(box: Box): OnnxModel {
  const column = Math.floor((box.x + box.width / 2) / STRIDE);
  const row = Math.floor((box.y + box.height / 2) / STRIDE);
  const cell = row * (SIZE / STRIDE) + column;
  const centre = [(box.x + box.width / 2) / STRIDE - column, (box.y + box.height / 2) / STRIDE - row];
  const numbers = {
    cls: [0.98],
    obj: [0.98],
    bbox: [...centre, Math.log(box.width / STRIDE), Math.log(box.height / STRIDE)],
    kps: Array.from({ length: 10 }, (_, k) => 0.1 * k),
  };
  const graph = new GraphBuilder();
  const features = graph.quarters(graph.input('input', [1, 3, SIZE, SIZE]), SIZE);
  for (const [name, values] of Object.entries(numbers)) {
    for (const stride of [8, STRIDE, 32]) {
      const width = values.length;
      const count = (SIZE / stride) ** 2;
      const entries = values.map((constant, k) => ({ index: cell * width + k, constant, weights: [] }));
      const own = stride === STRIDE ? entries : [];
      graph.output(`${name}_${stride}`, graph.probe(features, 12, [1, count, width], own), [1, count, width]);
    }
  }
  return graph.model();
}

/** Where `stillLandmarks` puts the points, in its grid of 64: eyes, nose and mouth where faces have them, all different. */
export const STILL_POINTS = Array.from({ length: 68 }, (_, point) => {
  const angle = (2 * Math.PI * point) / 68;
  const inner = point >= 36 && point < 48 ? 0.5 : 1;
  const eye = point >= 36 && point < 42 ? -8 : point >= 42 && point < 48 ? 8 : 0;
  return { x: 32 + eye + inner * 14 * Math.cos(angle), y: (eye === 0 ? 34 : 24) + inner * 18 * Math.sin(angle) };
});

/** A 2dfan4 that always gives the same points. */
export function stillLandmarks(): OnnxModel {
  const graph = new GraphBuilder();
  const features = graph.quarters(graph.input('input', [1, 3, 256, 256]), 256);
  const entries = STILL_POINTS.flatMap(({ x, y }, point) =>
    [x, y, 1].map((constant, k) => ({ index: 3 * point + k, constant, weights: [] })),
  );
  graph.output('landmarks_xyscore', graph.probe(features, 12, [1, 68, 3], entries), [1, 68, 3]);
  const nothing = graph.op('Mul', [
    graph.op('Slice', [features, graph.integers([0]), graph.integers([1]), graph.integers([1])]),
    graph.floats([1], [0]),
  ]);
  const maps = graph.op('Add', [
    graph.op('Reshape', [nothing, graph.integers([1, 1, 1, 1])]),
    graph.floats([1, 68, 64, 64], new Float32Array(68 * 64 * 64).fill(0.9)),
  ]);
  graph.output('heatmaps', maps, [1, 68, 64, 64]);
  return graph.model();
}
