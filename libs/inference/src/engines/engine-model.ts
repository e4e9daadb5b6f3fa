import { createHash } from 'node:crypto';

import { UnderstudyError } from '@understudy/contracts';

import { decodeModel, TENSOR_CODES, type TensorType } from '../onnx/model-proto.js';
import { foundTensor, graphInputs } from '../packs/check-tensors.js';
import type { EngineSpec, ShapeRange } from './engine-key.js';
import type { EngineTensor } from './ep-context.js';

/** A graph that a lane runs. */
export interface EngineModel {
  /** For people: `landmarks`, `ghost_1_256 1.0 converter`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Of a picture whose size the graph leaves open. */
  readonly openSide?: number | undefined;
}

/** Side of a picture whose size neither the graph nor the contract fixes. */
export const OPEN_SIDE = 128;

/** A shape without open dimensions: 1 in front, `side` behind. Lanes run one face at a time. */
export function closedShape(shape: readonly (number | string)[], side: number): number[] {
  return shape.map((dimension, place) => (typeof dimension === 'number' ? dimension : place === 0 ? 1 : side));
}

export type EngineHost = Pick<EngineSpec, 'tensorrtVersion' | 'computeCapability'>;

/** What the engine of a model is, on this host. @throws UnderstudyError PACK_UNREADABLE */
export function engineSpec(
  { bytes, openSide = OPEN_SIDE }: Pick<EngineModel, 'bytes' | 'openSide'>,
  { tensorrtVersion, computeCapability }: EngineHost,
  precision: EngineSpec['precision'],
): EngineSpec {
  const shapes: Record<string, ShapeRange> = {};
  for (const { name, shape } of engineTensors(bytes).inputs) {
    if (shape.every((dimension) => typeof dimension === 'number')) continue;
    const closed = closedShape(shape, openSide);
    shapes[name] = { min: closed, opt: closed, max: closed };
  }
  const modelSha256 = createHash('sha256').update(bytes).digest('hex');
  return { modelSha256, tensorrtVersion, computeCapability, precision, shapes };
}

/** The inputs and outputs of a graph, as an engine's wrapper names them. @throws UnderstudyError PACK_UNREADABLE */
export function engineTensors(bytes: Uint8Array): { inputs: EngineTensor[]; outputs: EngineTensor[] } {
  const { graph } = decodeModel(bytes);
  const known = ({ name, type, shape }: ReturnType<typeof foundTensor>): EngineTensor => {
    if (type in TENSOR_CODES) return { name, type: type as TensorType, shape };
    throw new UnderstudyError('PACK_UNREADABLE', `the tensor ${name} is of ${type}, which no engine is built for.`);
  };
  return {
    inputs: graphInputs(graph).map((value) => known(foundTensor(value))),
    outputs: (graph.output ?? []).map((value) => known(foundTensor(value))),
  };
}
