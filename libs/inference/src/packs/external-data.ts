import { UnderstudyError } from '@understudy/contracts';

import type { OnnxModel } from '../onnx/model-proto.js';
import { tensorsOf } from '../onnx/model-proto.js';
import { externalPlace } from './check-graph.js';

/**
 * Puts external tensors into the model, from bytes that were hashed: the runtime would open the files itself, after they
 * may have changed.
 *
 * @throws UnderstudyError PACK_EXTERNAL_DATA_REFUSED where the file is missing or too short.
 */
export function inlineExternalData(model: OnnxModel, files: ReadonlyMap<string, Uint8Array>): void {
  for (const tensor of tensorsOf(model)) {
    const place = externalPlace(tensor);
    if (place === undefined) continue;
    const bytes = files.get(place.location);
    const end = place.length === undefined ? (bytes?.length ?? 0) : place.offset + place.length;
    if (bytes === undefined || place.offset > end || end > bytes.length) {
      throw new UnderstudyError('PACK_EXTERNAL_DATA_REFUSED', `${place.location} is missing or too short.`, {
        details: { location: place.location },
      });
    }
    tensor.rawData = bytes.subarray(place.offset, end);
    tensor.externalData = [];
    tensor.dataLocation = 0;
  }
}
