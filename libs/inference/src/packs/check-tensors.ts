import type { PackTensor } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';

import type { OnnxGraph, OnnxValue } from '../onnx/model-proto.js';
import { tensorTypeName } from '../onnx/model-proto.js';

interface FoundTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** A graph's input or output; a dimension without a size has a name. */
export function foundTensor(value: OnnxValue): FoundTensor {
  const tensor = value.type?.tensorType;
  const shape = (tensor?.shape?.dim ?? []).map((dim, index) => {
    const size = Number(dim.dimValue ?? 0);
    return size > 0 ? size : dim.dimParam || `dim${index}`;
  });
  return { name: value.name ?? '', type: tensorTypeName(tensor?.elemType ?? 0), shape };
}

/** The graph's own inputs: older files list their weights among them. */
export function graphInputs(graph: OnnxGraph): OnnxValue[] {
  const stored = new Set((graph.initializer ?? []).map((tensor) => tensor.name));
  return (graph.input ?? []).filter((value) => !stored.has(value.name));
}

/**
 * Compares a graph's inputs and outputs with a contract.
 *
 * @returns the tensors as the file has them, in the contract's order: what a manifest pins.
 * @throws UnderstudyError PACK_CONTRACT_MISMATCH naming the first difference.
 */
export function matchTensors(
  graph: OnnxGraph,
  contract: { readonly inputs: readonly PackTensor[]; readonly outputs: readonly PackTensor[] },
): { inputs: PackTensor[]; outputs: PackTensor[] } {
  return {
    inputs: matchSide('input', graphInputs(graph).map(foundTensor), contract.inputs),
    outputs: matchSide('output', (graph.output ?? []).map(foundTensor), contract.outputs),
  };
}

function matchSide(side: string, found: readonly FoundTensor[], wanted: readonly PackTensor[]): PackTensor[] {
  const matched = wanted.flatMap((one, index): PackTensor[] => {
    const actual = one.name === '*' ? found[index] : found.find((candidate) => candidate.name === one.name);
    if (actual === undefined) {
      if (one.optional) return [];
      throw mismatch(side, `has no ${side} ${one.name === '*' ? index : one.name}`, wanted, found);
    }
    checkOne(side, actual, one, wanted, found);

    return [{ name: actual.name, type: one.type, shape: [...actual.shape], optional: false }];
  });
  if (matched.length !== found.length) {
    throw mismatch(side, `has ${found.length} ${side}s, not ${matched.length}`, wanted, found);
  }
  return matched;
}

function checkOne(
  side: string,
  actual: FoundTensor,
  wanted: PackTensor,
  all: readonly PackTensor[],
  found: readonly FoundTensor[],
): void {
  if (actual.type !== wanted.type) {
    throw mismatch(side, `gives ${actual.name} as ${actual.type}, not ${wanted.type}`, all, found);
  }
  const fits =
    actual.shape.length === wanted.shape.length &&
    wanted.shape.every(
      (size, i) => typeof size === 'string' || typeof actual.shape[i] === 'string' || size === actual.shape[i],
    );
  if (!fits) {
    const text = (shape: readonly (number | string)[]) => `[${shape.join(',')}]`;
    throw mismatch(side, `gives ${actual.name} the shape ${text(actual.shape)}, not ${text(wanted.shape)}`, all, found);
  }
}

function mismatch(side: string, what: string, wanted: readonly PackTensor[], found: readonly FoundTensor[]) {
  return new UnderstudyError(
    'PACK_CONTRACT_MISMATCH',
    `the model ${what}: it is another model, or the wrong row of the catalogue was named.`,
    { details: { side, wanted, found } },
  );
}
