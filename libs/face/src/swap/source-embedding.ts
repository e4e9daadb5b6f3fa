import type { DecodeOf } from '@understudy/contracts';
import type { OpenedPack } from '@understudy/inference';
import { EMBEDDING_SIZE } from '@understudy/inference';

import { normalise } from '../identity/cosine.js';
import type { RawEmbedding } from './recogniser.js';

/**
 * The identity as a swapper's `source` input: what its makers trained it on.
 *
 * `emap`: the normed embedding times the 512 x 512 map, normed again (InsightFace, `inswapper.py`). `normed`: as the
 * recogniser has it. `converted`: through a second network that takes the embedding with its length, and for some normed.
 */
export async function sourceEmbedding(
  pack: OpenedPack,
  source: DecodeOf<'embedding-swapper'>['source'],
  identity: RawEmbedding,
): Promise<Float32Array> {
  if (source === 'normed') return identity.normed;
  if (source === 'emap') return normalise(timesMap(identity.normed, pack.emap!));
  const converter = pack.converter!;
  const feeds = { [converter.inputs[0]!.name]: { data: identity.raw, shape: [1, EMBEDDING_SIZE] } };
  const [output] = await converter.run(feeds);
  return source === 'converted' ? output!.data : normalise(output!.data);
}

/** A row vector times a square matrix of row-major numbers. */
function timesMap(vector: Float32Array, map: Float32Array): Float32Array {
  const out = new Float64Array(vector.length);
  for (let row = 0; row < vector.length; row++) {
    const weight = vector[row]!;
    for (let column = 0; column < vector.length; column++) out[column]! += weight * map[row * vector.length + column]!;
  }
  return Float32Array.from(out);
}
