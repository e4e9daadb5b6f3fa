import { fromHalf } from './half-float.js';
import type { OnnxTensor } from './model-proto.js';
import { TENSOR_CODES } from './model-proto.js';

export function dimensionsOf(tensor: OnnxTensor): number[] {
  return (tensor.dims ?? []).map(Number);
}

export function elementCount(tensor: OnnxTensor): number {
  return dimensionsOf(tensor).reduce((product, size) => product * size, 1);
}

/**
 * The numbers of a float32 or float16 tensor.
 *
 * @throws RangeError for other types, and where the data does not fill the shape.
 */
export function floatsOf(tensor: OnnxTensor): Float32Array {
  const count = elementCount(tensor);
  const values = readFloats(tensor);
  if (values.length !== count) {
    throw new RangeError(`${tensor.name ?? 'a tensor'} has ${values.length} numbers for a shape of ${count}`);
  }
  return values;
}

function readFloats(tensor: OnnxTensor): Float32Array {
  const raw = tensor.rawData;
  const hasRaw = raw !== null && raw !== undefined && raw.length > 0;
  if (tensor.dataType === TENSOR_CODES.float32) {
    // Copied, because the bytes lie anywhere in the file and need not be aligned.
    return hasRaw ? new Float32Array(new Uint8Array(raw).buffer) : Float32Array.from(tensor.floatData ?? []);
  }
  if (tensor.dataType === TENSOR_CODES.float16) {
    const halves = hasRaw ? new Uint16Array(new Uint8Array(raw).buffer) : Uint16Array.from(tensor.int32Data ?? []);
    return Float32Array.from(halves, fromHalf);
  }
  throw new RangeError(`${tensor.name ?? 'a tensor'} holds no floats`);
}
