import { UnderstudyError } from '@understudy/contracts';

import { HALF_MAX, toHalf } from './half-float.js';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './model-proto.js';
import { TENSOR_CODES, bytesOf, decodeModel, encodeModel, node, nodesOf } from './model-proto.js';
import { floatsOf } from './tensor-data.js';

const { float16, float32 } = TENSOR_CODES;

/**
 * Operators that stay in single precision: those whose sizes or scales are floats of their own, those without a half
 * kernel, and those that sum over so much that eleven bits are not enough.
 */
export const HALF_BLOCK_LIST: readonly string[] = [
  'Resize',
  'Upsample',
  'RoiAlign',
  'NonMaxSuppression',
  'TopK',
  'CumSum',
  'RandomNormal',
  'RandomUniform',
  'Range',
  'ReduceSumSquare',
  'ReduceL2',
  'LpNormalization',
  'InstanceNormalization',
];

/** Operators that give the type they are told, or none that can be half. */
const OTHER_OUTPUT = new Set(['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero', 'Cast', 'ConstantOfShape']);

export interface HalfOptions {
  /** Operators that stay in single precision, beside {@link HALF_BLOCK_LIST}. */
  readonly blocked?: readonly string[];
}

/**
 * The same network in half precision: stored float32 numbers become float16, and casts stand at its borders and around
 * blocked operators, so that inputs, outputs and all other types stay what they were.
 *
 * Numbers beyond float16 saturate at its largest.
 *
 * @throws UnderstudyError INVALID_REQUEST for graphs with branches or loops, whose bodies read outer values unseen
 */
export function convertToHalf(bytes: Uint8Array, options: HalfOptions = {}): Uint8Array {
  const model = decodeModel(bytes);
  for (const one of nodesOf(model)) {
    if (!(one.attribute ?? []).some((attribute) => attribute.g || (attribute.graphs ?? []).length > 0)) continue;
    throw new UnderstudyError(
      'INVALID_REQUEST',
      `the graph has a ${one.opType} with a body: run it in single precision.`,
    );
  }
  const conversion = new HalfConversion(model.graph, new Set([...HALF_BLOCK_LIST, ...(options.blocked ?? [])]));
  conversion.run();
  return encodeModel(model satisfies OnnxModel);
}

class HalfConversion {
  private readonly half = new Set<string>();
  private readonly single = new Set<string>();
  private readonly casts = new Map<string, string>();
  private nodes: OnnxNode[] = [];

  constructor(
    private readonly graph: OnnxGraph,
    private readonly blocked: ReadonlySet<string>,
  ) {}

  run(): void {
    const { graph } = this;
    const stored = new Set((graph.initializer ?? []).map((tensor) => tensor.name ?? ''));
    for (const value of graph.input ?? []) {
      if (isSingle(value) && !stored.has(value.name ?? '')) this.single.add(value.name ?? '');
    }
    this.convertStored();
    const outputs = new Set((graph.output ?? []).map((value) => value.name ?? ''));
    for (const one of graph.node ?? []) this.place(one);
    for (const name of outputs) if (this.half.has(name)) this.giveBack(name);
    graph.node = this.nodes;
    // What a tool inferred of the inner values speaks of the old types.
    graph.valueInfo = [];
    // Older files list their stored numbers among the inputs.
    for (const value of graph.input ?? []) {
      const tensor = value.type?.tensorType;
      if (tensor && stored.has(value.name ?? '') && this.half.has(value.name ?? '')) tensor.elemType = float16;
    }
  }

  /** Stored numbers become half, unless a blocked operator alone reads them. */
  private convertStored(): void {
    const readers = new Map<string, boolean[]>();
    for (const one of this.graph.node ?? []) {
      for (const name of one.input ?? []) {
        readers.set(name, [...(readers.get(name) ?? []), this.isBlocked(one)]);
      }
    }
    for (const tensor of this.graph.initializer ?? []) {
      if (tensor.dataType !== float32) continue;
      const name = tensor.name ?? '';
      if ((readers.get(name) ?? []).every(Boolean)) this.single.add(name);
      else {
        toHalfTensor(tensor);
        this.half.add(name);
      }
    }
  }

  private isBlocked(one: OnnxNode): boolean {
    return this.blocked.has(one.opType ?? '');
  }

  private place(one: OnnxNode): void {
    const type = one.opType ?? '';
    const blocked = this.isBlocked(one);
    if (type === 'Constant' && !blocked) {
      const tensor = (one.attribute ?? []).find((attribute) => attribute.name === 'value')?.t;
      if (tensor?.dataType === float32) {
        toHalfTensor(tensor);
        this.half.add(one.output?.[0] ?? '');
      }
      this.nodes.push(one);
      return;
    }
    const readsFloats = (one.input ?? []).some((name) => this.half.has(name) || this.single.has(name));
    one.input = (one.input ?? []).map((name) => (blocked ? this.asSingle(name) : this.asHalf(name)));
    this.nodes.push(one);
    if (!readsFloats && !blocked) {
      if (this.castsToSingle(one)) this.single.add(one.output?.[0] ?? '');
      return;
    }
    if (OTHER_OUTPUT.has(type)) {
      if (this.castsToSingle(one)) this.single.add(one.output?.[0] ?? '');
      return;
    }
    for (const name of one.output ?? []) (blocked ? this.single : this.half).add(name);
  }

  private castsToSingle(one: OnnxNode): boolean {
    if (one.opType !== 'Cast') return false;
    return Number((one.attribute ?? []).find((attribute) => attribute.name === 'to')?.i ?? 0) === float32;
  }

  private asHalf(name: string): string {
    return this.single.has(name) ? this.cast(name, 'half', float16) : name;
  }

  private asSingle(name: string): string {
    return this.half.has(name) ? this.cast(name, 'single', float32) : name;
  }

  private cast(name: string, suffix: string, to: number): string {
    const key = `${name}/${suffix}`;
    const present = this.casts.get(key);
    if (present !== undefined) return present;
    this.nodes.push(node('Cast', [name], [key], { to }));
    this.casts.set(key, key);
    return key;
  }

  /** The graph's output keeps its name and type; what computed it gets another name. */
  private giveBack(name: string): void {
    const inner = `${name}/inner`;
    for (const one of this.nodes) {
      one.output = (one.output ?? []).map((output) => (output === name ? inner : output));
      one.input = (one.input ?? []).map((input) => (input === name ? inner : input));
    }
    // A name of its own: the node that gave this output may bear the output's name.
    this.nodes.push({ ...node('Cast', [inner], [name], { to: float32 }), name: `${name}/cast` });
  }
}

function isSingle(value: OnnxValue): boolean {
  return value.type?.tensorType?.elemType === float32;
}

function toHalfTensor(tensor: OnnxTensor): void {
  const halves = Uint16Array.from(floatsOf(tensor), (value) =>
    toHalf(Number.isFinite(value) ? Math.min(HALF_MAX, Math.max(-HALF_MAX, value)) : value),
  );
  tensor.dataType = float16;
  tensor.rawData = bytesOf(halves);
  tensor.floatData = [];
}
