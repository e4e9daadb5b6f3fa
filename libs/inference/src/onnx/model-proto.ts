import { UnderstudyError } from '@understudy/contracts';
import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

export type OnnxModel = onnxProto.onnx.IModelProto;
export type OnnxGraph = onnxProto.onnx.IGraphProto;
export type OnnxNode = onnxProto.onnx.INodeProto;
export type OnnxTensor = onnxProto.onnx.ITensorProto;
export type OnnxAttribute = onnxProto.onnx.IAttributeProto;
export type OnnxValue = onnxProto.onnx.IValueInfoProto;

export const TENSOR_CODES = { float32: 1, uint8: 2, int32: 6, int64: 7, float16: 10, float64: 11 } as const;
export type TensorType = keyof typeof TENSOR_CODES;

/** The type's name, or `type N` for one that no contract uses. */
export function tensorTypeName(code: number): TensorType | `type ${number}` {
  const found = Object.entries(TENSOR_CODES).find(([, value]) => value === code);
  return found === undefined ? `type ${code}` : (found[0] as TensorType);
}

/** @throws UnderstudyError PACK_UNREADABLE */
export function decodeModel(bytes: Uint8Array): OnnxModel & { graph: OnnxGraph } {
  let model: OnnxModel;
  try {
    model = onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw new UnderstudyError('PACK_UNREADABLE', 'the file is no ONNX model: export it again.', { cause });
  }
  if (model.graph === null || model.graph === undefined || (model.graph.node ?? []).length === 0) {
    throw new UnderstudyError('PACK_UNREADABLE', 'the file holds no ONNX graph: export it again.');
  }
  return model as OnnxModel & { graph: OnnxGraph };
}

export function encodeModel(model: OnnxModel): Uint8Array {
  return onnx.ModelProto.encode(model).finish();
}

/** @param dims a string names a dimension that is open. */
export function valueInfo(name: string, type: TensorType, dims: readonly (number | string)[]): OnnxValue {
  const dim = dims.map((one) => (typeof one === 'number' ? { dimValue: one } : { dimParam: one }));
  return { name, type: { tensorType: { elemType: TENSOR_CODES[type], shape: { dim } } } };
}

export type AttributeValue = number | string | readonly number[] | OnnxTensor | { readonly float: number };

/** Integers by default; `{ float }` for a float. */
export function node(
  opType: string,
  input: string[],
  output: string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  domain = '',
): OnnxNode {
  const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
  return { opType, input, output, name: output[0] ?? opType, domain, attribute };
}

const KIND = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

function attributeOf(name: string, value: AttributeValue): OnnxAttribute {
  if (typeof value === 'number') return { name, type: KIND.int, i: value };
  if (typeof value === 'string') return { name, type: KIND.string, s: new TextEncoder().encode(value) };
  if (Array.isArray(value)) return { name, type: KIND.ints, ints: [...(value as readonly number[])] };
  if ('float' in value) return { name, type: KIND.float, f: value.float };
  return { name, type: KIND.tensor, t: value as OnnxTensor };
}

export function floatTensor(name: string, dims: readonly number[], data: Iterable<number>): OnnxTensor {
  return { name, dims: [...dims], dataType: TENSOR_CODES.float32, rawData: bytesOf(Float32Array.from(data)) };
}

export function int64Tensor(name: string, values: readonly number[]): OnnxTensor {
  const data = BigInt64Array.from(values, BigInt);
  return { name, dims: [values.length], dataType: TENSOR_CODES.int64, rawData: bytesOf(data) };
}

export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export interface ModelParts {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers?: readonly OnnxTensor[];
  readonly opset?: number;
  /** Operator sets beside ONNX's own. */
  readonly domains?: Readonly<Record<string, number>>;
}

/** A model of one graph. IR version 7: read by every runtime in use. */
export function buildModel(parts: ModelParts): OnnxModel & { graph: OnnxGraph } {
  const domains = Object.entries(parts.domains ?? {}).map(([domain, version]) => ({ domain, version }));
  return {
    irVersion: 7,
    producerName: 'understudy',
    opsetImport: [{ domain: '', version: parts.opset ?? 13 }, ...domains],
    graph: {
      name: 'graph',
      node: [...parts.nodes],
      input: [...parts.inputs],
      output: [...parts.outputs],
      initializer: [...(parts.initializers ?? [])],
    },
  };
}

/** Every graph of a model: its own, and those inside attributes (branches, loop bodies) and functions. */
export function* nodesOf(model: OnnxModel): Generator<OnnxNode> {
  if (model.graph) yield* graphNodes(model.graph);
  for (const one of model.functions ?? []) for (const inner of one.node ?? []) yield* withInner(inner);
  for (const training of model.trainingInfo ?? []) {
    if (training.initialization) yield* graphNodes(training.initialization);
    if (training.algorithm) yield* graphNodes(training.algorithm);
  }
}

function* graphNodes(graph: OnnxGraph): Generator<OnnxNode> {
  for (const one of graph.node ?? []) yield* withInner(one);
}

function* withInner(outer: OnnxNode): Generator<OnnxNode> {
  yield outer;
  for (const attribute of outer.attribute ?? []) {
    if (attribute.g) yield* graphNodes(attribute.g);
    for (const graph of attribute.graphs ?? []) yield* graphNodes(graph);
  }
}

/** Every stored tensor of a model: initializers of all graphs, sparse ones, and constants in attributes. */
export function* tensorsOf(model: OnnxModel): Generator<OnnxTensor> {
  if (model.graph) yield* graphTensors(model.graph);
  for (const training of model.trainingInfo ?? []) {
    if (training.initialization) yield* graphTensors(training.initialization);
    if (training.algorithm) yield* graphTensors(training.algorithm);
  }
  for (const one of nodesOf(model)) {
    for (const attribute of one.attribute ?? []) {
      if (attribute.t) yield attribute.t;
      yield* attribute.tensors ?? [];
      for (const sparse of [attribute.sparseTensor, ...(attribute.sparseTensors ?? [])]) {
        if (sparse?.values) yield sparse.values;
        if (sparse?.indices) yield sparse.indices;
      }
      for (const graph of [attribute.g, ...(attribute.graphs ?? [])]) if (graph) yield* graphTensors(graph);
    }
  }
}

function* graphTensors(graph: OnnxGraph): Generator<OnnxTensor> {
  yield* graph.initializer ?? [];
  for (const sparse of graph.sparseInitializer ?? []) {
    if (sparse.values) yield sparse.values;
    if (sparse.indices) yield sparse.indices;
  }
}
