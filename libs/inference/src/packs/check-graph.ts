import { isAbsolute, normalize } from 'node:path';

import { UnderstudyError } from '@understudy/contracts';

import type { OnnxModel, OnnxTensor } from '../onnx/model-proto.js';
import { nodesOf, tensorsOf } from '../onnx/model-proto.js';

/** ONNX's own operators. Runtimes know many more, which may load code or files. */
const OPERATOR_DOMAINS = new Set(['', 'ai.onnx', 'ai.onnx.ml']);

/** Nodes that stand for something compiled elsewhere. */
const ENGINE_OPERATORS = new Set(['EPContext', 'TRTEngineOp', 'TRT_EngineOp', 'OpenVINO', 'QNNContext']);

const EXTERNAL = 1;

export interface GraphBounds {
  readonly maxNodes: number;
  /** Numbers in all stored tensors together. */
  readonly maxElements: number;
}

/** Several times the largest model in use (about 140 million numbers, some thousand nodes). */
export const GRAPH_BOUNDS: GraphBounds = { maxNodes: 50_000, maxElements: 1_000_000_000 };

/**
 * Refuses a graph that is more than arithmetic on its inputs. What a pack's graph names runs in the lane's process, so a
 * pack is code, and only ONNX's own operators on stored numbers are let in.
 *
 * @param externalFiles names in the pack's folder that tensors may lie in.
 * @throws UnderstudyError PACK_ENGINE_REFUSED, PACK_OPERATOR_REFUSED, PACK_EXTERNAL_DATA_REFUSED, PACK_TOO_LARGE
 */
export function checkGraph(
  model: OnnxModel,
  externalFiles: ReadonlySet<string> = new Set(),
  bounds: GraphBounds = GRAPH_BOUNDS,
): void {
  let nodes = 0;
  for (const { opType, domain, name } of nodesOf(model)) {
    if (ENGINE_OPERATORS.has(opType ?? '')) {
      throw new UnderstudyError(
        'PACK_ENGINE_REFUSED',
        `the graph holds a ready-made engine (${opType}): add the plain ONNX model, engines are built on the lane.`,
        { details: { operator: opType, node: name ?? '' } },
      );
    }
    if (!OPERATOR_DOMAINS.has(domain ?? '')) {
      throw new UnderstudyError(
        'PACK_OPERATOR_REFUSED',
        `the graph uses ${opType} of ${domain}: only ONNX's own operators are let in, export it without.`,
        { details: { operator: opType, domain } },
      );
    }
    if (++nodes > bounds.maxNodes) throw tooLarge('nodes', bounds.maxNodes);
  }
  if ((model.functions ?? []).some((one) => !OPERATOR_DOMAINS.has(one.domain ?? ''))) {
    throw new UnderstudyError('PACK_OPERATOR_REFUSED', 'the graph defines operators of its own: export it without.');
  }
  let elements = 0;
  for (const tensor of tensorsOf(model)) {
    checkLocation(tensor, externalFiles);
    elements += checkedCount(tensor);
    if (elements > bounds.maxElements) throw tooLarge('stored numbers', bounds.maxElements);
  }
}

function tooLarge(what: string, bound: number): UnderstudyError {
  return new UnderstudyError('PACK_TOO_LARGE', `the graph has more than ${bound} ${what}: use a smaller model.`, {
    details: { what, bound },
  });
}

function checkedCount(tensor: OnnxTensor): number {
  let count = 1;
  for (const dim of tensor.dims ?? []) {
    const size = Number(dim);
    if (size < 0) throw new UnderstudyError('PACK_UNREADABLE', `${tensor.name} has a negative size: export it again.`);
    count *= size;
  }
  return count;
}

/** Where an external tensor lies: its file, first byte and length. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number | undefined;
}

export function externalPlace(tensor: OnnxTensor): ExternalPlace | undefined {
  if (tensor.dataLocation !== EXTERNAL && (tensor.externalData ?? []).length === 0) return undefined;
  const entries = new Map((tensor.externalData ?? []).map((entry) => [entry.key ?? '', entry.value ?? '']));
  const length = entries.get('length');
  return {
    location: entries.get('location') ?? '',
    offset: Number(entries.get('offset') ?? 0),
    length: length === undefined ? undefined : Number(length),
  };
}

function checkLocation(tensor: OnnxTensor, externalFiles: ReadonlySet<string>): void {
  const place = externalPlace(tensor);
  if (place === undefined) return;
  const { location, offset, length } = place;
  const leaves = isAbsolute(location) || /^[A-Za-z]:|[\\\0]/.test(location) || normalize(location).startsWith('..');
  const numbers = Number.isSafeInteger(offset) && offset >= 0 && (length === undefined || Number.isSafeInteger(length));
  if (!leaves && numbers && externalFiles.has(location)) return;
  throw new UnderstudyError(
    'PACK_EXTERNAL_DATA_REFUSED',
    leaves
      ? `the graph reads ${location}, outside the pack's folder: save the model with its data inside.`
      : `the graph reads ${location}, which is no file of the pack: add it to the pack, or save the data inside.`,
    { details: { location, tensor: tensor.name ?? '' } },
  );
}
