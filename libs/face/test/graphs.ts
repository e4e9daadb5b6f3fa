import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ModelContract } from '@understudy/contracts';
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue, OpenedPack, StoredPack } from '@understudy/inference';
import {
  addPack,
  buildModel,
  catalogueRow,
  encodeModel,
  floatTensor,
  int64Tensor,
  node,
  openPack,
  valueInfo,
} from '@understudy/inference';

/** Generated graphs that stand in for networks: the real names and shapes, and answers that can be computed by hand. */
export class GraphBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly inputs: OnnxValue[] = [];
  private readonly outputs: OnnxValue[] = [];
  private readonly stored: OnnxTensor[] = [];
  private count = 0;

  input(name: string, dims: readonly number[], type: 'float32' | 'float64' = 'float32'): string {
    this.inputs.push(valueInfo(name, type, dims));
    return name;
  }

  floats(dims: readonly number[], values: Iterable<number>): string {
    const name = `stored${this.count++}`;
    this.stored.push(floatTensor(name, dims, values));
    return name;
  }

  integers(values: readonly number[]): string {
    const name = `stored${this.count++}`;
    this.stored.push(int64Tensor(name, values));
    return name;
  }

  op(type: string, inputs: string[], attributes: Parameters<typeof node>[3] = {}): string {
    const name = `value${this.count++}`;
    this.nodes.push(node(type, inputs, [name], attributes));
    return name;
  }

  output(name: string, from: string, dims: readonly number[]): void {
    this.nodes.push(node('Identity', [from], [name]));
    this.outputs.push(valueInfo(name, 'float32', dims));
  }

  /** Means of the picture's quarters: `[1, 12]`, channel by channel, row by row. */
  quarters(picture: string, side: number): string {
    const pooled = this.op('AveragePool', [picture], {
      kernel_shape: [side / 2, side / 2],
      strides: [side / 2, side / 2],
    });
    return this.op('Reshape', [pooled, this.integers([1, 12])]);
  }

  /** Numbers that are a constant plus a weighted sum of the features; those not listed are 0. */
  probe(features: string, width: number, dims: readonly number[], entries: readonly Entry[]): string {
    const size = dims.reduce((product, one) => product * one, 1);
    const weights = new Float32Array(width * size);
    const constants = new Float32Array(size);
    for (const { index, constant, weights: own } of entries) {
      constants[index] = constant;
      own.forEach((weight, feature) => (weights[feature * size + index] = weight));
    }
    const product = this.op('MatMul', [features, this.floats([width, size], weights)]);
    const sum = this.op('Add', [product, this.floats([1, size], constants)]);
    return this.op('Reshape', [sum, this.integers(dims)]);
  }

  /** Each output channel a weighted sum of the input's three. */
  mix(picture: string, matrix: readonly (readonly number[])[]): string {
    return this.op('Conv', [picture, this.floats([matrix.length, 3, 1, 1], matrix.flat())]);
  }

  model(last: readonly OnnxTensor[] = []): OnnxModel {
    const { nodes, inputs, outputs, stored } = this;
    return buildModel({ nodes, inputs, outputs, initializers: [...stored, ...last] });
  }
}

export interface Entry {
  readonly index: number;
  readonly constant: number;
  readonly weights: readonly number[];
}

/** Weights without any symmetry. */
export const unevenWeights = (seed: number, length = 12, scale = 0.05) =>
  Array.from({ length }, (_, i) => scale * Math.sin(1.7 * (seed + 1) * (i + 1.3)));

export const dot = (a: readonly number[], b: ArrayLike<number>) => a.reduce((sum, one, i) => sum + one * b[i]!, 0);

/** A pack of these graphs, added to a data folder as a studio's would be. */
export async function addGenerated(
  dataDir: string,
  row: string,
  model: OnnxModel,
  converter?: OnnxModel,
): Promise<StoredPack> {
  const source = join(dataDir, `source-${row}`);
  await mkdir(source, { recursive: true });
  await writeFile(join(source, 'model.onnx'), encodeModel(model));
  if (converter !== undefined) await writeFile(join(source, 'converter.onnx'), encodeModel(converter));
  return addPack(dataDir, source, catalogueRow(row));
}

/** The same, opened. */
export async function openGenerated(
  row: string | ModelContract,
  model: OnnxModel,
  converter?: OnnxModel,
): Promise<OpenedPack> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-graph-'));
  try {
    return await openPack(await addGenerated(folder, typeof row === 'string' ? row : row.id, model, converter));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
