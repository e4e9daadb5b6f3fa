import { UnderstudyError } from '@understudy/contracts';

import type { OnnxValue } from './model-proto.js';
import { decodeModel, encodeModel, nodesOf, TENSOR_CODES } from './model-proto.js';

/**
 * Makes the first dimension of every input and output open, so that several faces go through at once. Shapes that the
 * graph itself has written down (`Reshape` to 1 x ...) keep the batch from growing: their leading 1 becomes 0, which takes
 * the input's size.
 *
 * @throws UnderstudyError PACK_CONTRACT_MISMATCH where the first dimension is not 1 or open already
 */
export function openBatch(bytes: Uint8Array, symbol = 'batch'): Uint8Array {
  const model = decodeModel(bytes);
  const stored = new Map((model.graph.initializer ?? []).map((tensor) => [tensor.name ?? '', tensor]));
  const inputs = (model.graph.input ?? []).filter((value) => !stored.has(value.name ?? ''));
  for (const value of [...inputs, ...(model.graph.output ?? [])]) openFirst(value, symbol);
  model.graph.valueInfo = [];
  const constants = new Map(
    [...nodesOf(model)]
      .filter((one) => one.opType === 'Constant')
      .map((one) => [one.output?.[0] ?? '', (one.attribute ?? []).find((attribute) => attribute.name === 'value')?.t]),
  );
  for (const one of nodesOf(model)) {
    if (one.opType !== 'Reshape') continue;
    const shape = stored.get(one.input?.[1] ?? '') ?? constants.get(one.input?.[1] ?? '');
    if (shape?.dataType !== TENSOR_CODES.int64) continue;
    const raw = shape.rawData;
    if (raw !== null && raw !== undefined && raw.length >= 16) {
      const sizes = new BigInt64Array(new Uint8Array(raw).buffer);
      if (sizes[0] === 1n) sizes[0] = 0n;
      shape.rawData = new Uint8Array(sizes.buffer);
    } else if ((shape.int64Data ?? []).length > 1 && Number(shape.int64Data![0]) === 1) {
      shape.int64Data = [0, ...shape.int64Data!.slice(1)];
    }
  }
  return encodeModel(model);
}

function openFirst(value: OnnxValue, symbol: string): void {
  const first = value.type?.tensorType?.shape?.dim?.[0];
  const size = Number(first?.dimValue ?? 0);
  if (first === undefined || size > 1) {
    throw new UnderstudyError('PACK_CONTRACT_MISMATCH', `${value.name} has no first dimension of 1 to open.`, {
      details: { tensor: value.name ?? '', size },
    });
  }
  delete first.dimValue;
  first.dimParam = symbol;
}
