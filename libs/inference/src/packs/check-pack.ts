import type { ModelContract, ModelManifestDocument } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';

import { decodeModel } from '../onnx/model-proto.js';
import { checkGraph } from './check-graph.js';
import { matchTensors } from './check-tensors.js';
import { EMBEDDING_SIZE } from './emap.js';
import { partOf } from './pack-files.js';

/** What turns a recogniser's embedding into the one a swapper was trained with. */
const CONVERTER: Pick<ModelContract, 'inputs' | 'outputs'> = {
  inputs: [{ name: '*', type: 'float32', shape: ['batch', EMBEDDING_SIZE], optional: false }],
  outputs: [{ name: '*', type: 'float32', shape: ['batch', EMBEDDING_SIZE], optional: false }],
};

/** Which families are graphs; the others are read by code of ours. */
export function isGraph(contract: Pick<ModelContract, 'decode'>): boolean {
  return contract.decode.family !== 'ensemble-of-regression-trees';
}

/**
 * Checks the verified files of a pack against its manifest: the rules for graphs, then names, types and shapes.
 *
 * @returns the tensors as the model has them.
 * @throws UnderstudyError the codes of {@link checkGraph} and {@link matchTensors}
 */
export function checkPack(
  manifest: ModelManifestDocument,
  files: ReadonlyMap<string, Uint8Array>,
): Pick<ModelManifestDocument, 'inputs' | 'outputs'> {
  for (const part of manifest.parts) {
    if (!manifest.files.some((file) => file.part === part)) {
      throw new UnderstudyError('PACK_MANIFEST_INVALID', `${manifest.id} needs a file that is its ${part}: add it.`, {
        details: { part },
      });
    }
  }
  if (!isGraph(manifest)) return { inputs: [], outputs: [] };
  const external = new Set(manifest.files.filter((file) => file.part === 'external').map((file) => file.name));
  if (manifest.parts.includes('converter')) {
    const converter = decodeModel(partOf(manifest, files, 'converter'));
    checkGraph(converter);
    matchTensors(converter.graph, CONVERTER);
  }
  const model = decodeModel(partOf(manifest, files, 'model'));
  checkGraph(model, external);
  return matchTensors(model.graph, manifest);
}
