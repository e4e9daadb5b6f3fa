import { UnderstudyError } from '@understudy/contracts';

import type { OnnxModel } from '../onnx/model-proto.js';
import { bytesOf } from '../onnx/model-proto.js';
import { dimensionsOf, floatsOf } from '../onnx/tensor-data.js';

export const EMBEDDING_SIZE = 512;

/**
 * The matrix that inswapper's identity input is multiplied by: the last stored tensor of its graph, 512 x 512, row-major.
 * Kept beside the model, so that a lane need not parse half a gigabyte for it.
 *
 * @returns little-endian float32.
 * @throws UnderstudyError PACK_CONTRACT_MISMATCH where the last tensor is no such matrix.
 */
export function extractEmap(model: OnnxModel): Uint8Array {
  const last = (model.graph?.initializer ?? []).at(-1);
  const dims = last === undefined ? [] : dimensionsOf(last);
  if (last === undefined || dims.length !== 2 || dims.some((size) => size !== EMBEDDING_SIZE)) {
    throw new UnderstudyError(
      'PACK_CONTRACT_MISMATCH',
      `the model's last stored tensor is [${dims.join(',')}], not the 512 x 512 identity map: it is another model.`,
      { details: { shape: dims } },
    );
  }
  return bytesOf(floatsOf(last));
}

/** The matrix of a side file. */
export function readEmap(bytes: Uint8Array): Float32Array {
  if (bytes.length !== EMBEDDING_SIZE * EMBEDDING_SIZE * 4) throw new RangeError('an emap is 512 x 512 float32');
  return new Float32Array(new Uint8Array(bytes).buffer);
}
