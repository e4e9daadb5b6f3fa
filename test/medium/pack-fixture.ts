import type { ModelManifestDocument } from '@understudy/contracts';
import { catalogueRow } from '@understudy/inference';

/** A manifest as `models add` writes it, without its files: the farm never sees those. */
export function manifestOf(
  id: string,
  { version = '1', row = 'gfpgan_1.4', ...more }: { row?: string } & Partial<ModelManifestDocument> = {},
): ModelManifestDocument {
  const contract = catalogueRow(row);
  return {
    ...contract,
    outputs: contract.outputs.map((output) => ({ ...output, name: 'output' })),
    id,
    schema: 'understudy/model-pack/1',
    version,
    files: contract.parts.map((part) => ({ name: `${part}.onnx`, part, sha256: 'a'.repeat(64), bytes: 10 })),
    ...more,
  };
}
