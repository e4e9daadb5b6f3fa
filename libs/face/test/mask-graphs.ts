import type { OnnxModel } from '@understudy/inference';

import { GraphBuilder } from './graphs.js';

/** Occlusion: seen where the plate's red is less than this. Red rises to the right. */
export function seenLeftOf(limit: number): OnnxModel {
  const graph = new GraphBuilder();
  const plate = graph.op('Transpose', [graph.input('input', [1, 256, 256, 3])], { perm: [0, 3, 1, 2] });
  const offset = graph.op('Add', [graph.mix(plate, [[0, 0, -40]]), graph.floats([1], [(40 * limit) / 255])]);
  graph.output('output', graph.op('Transpose', [offset], { perm: [0, 2, 3, 1] }), [1, 256, 256, 1]);
  return graph.model();
}

/** Regions: skin where the plate's red is more than this, background elsewhere. */
export function faceRightOf(limit: number): OnnxModel {
  const graph = new GraphBuilder();
  const rows = Array.from({ length: 19 }, (_, one) => [one === 1 ? 1 : 0, 0, 0]);
  const scores = graph.mix(graph.input('input', [1, 3, 512, 512]), rows);
  const normal = (limit / 255 - 0.485) / 0.229;
  const bias = Array.from({ length: 19 }, (_, one) => (one === 0 ? 0 : one === 1 ? -normal : -100));
  graph.output('output', graph.op('Add', [scores, graph.floats([1, 19, 1, 1], bias)]), [1, 19, 512, 512]);
  return graph.model();
}
