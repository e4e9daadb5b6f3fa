import type { Frame } from '@understudy/frame';
import { cropRgb } from '@understudy/frame';
import type { OpenedPack } from '@understudy/inference';
import { decodeOf, imageShape, toTensor } from '@understudy/inference';

import { normalise } from '../identity/cosine.js';
import type { FivePoints } from '../landmarks/templates.js';
import { alignTo, realign } from '../landmarks/templates.js';

/** An identity as a recogniser gives it: some swappers want its length too. */
export interface RawEmbedding {
  readonly raw: Float32Array;
  /** The same, of Euclidean length 1. */
  readonly normed: Float32Array;
}

export interface Recogniser {
  embed(frame: Frame, points: FivePoints): Promise<RawEmbedding>;
  /** @param rgb R, G and B planes of `side` x `side`; points in its coordinates */
  embedCrop(rgb: Float32Array, side: number, points: FivePoints): Promise<RawEmbedding>;
}

/** @throws UnderstudyError PACK_CONTRACT_MISMATCH where the pack is no recogniser */
export function packRecogniser(pack: OpenedPack): Recogniser {
  const { alignment, image } = decodeOf(pack.manifest, 'recogniser');
  const input = pack.model.inputs[0]!.name;
  const run = async (rgb: Float32Array): Promise<RawEmbedding> => {
    const data = toTensor(rgb, image);
    const [output] = await pack.model.run({ [input]: { data, shape: imageShape(image, alignment.size) } });
    const raw = output!.data;
    return { raw, normed: normalise(raw) };
  };
  return {
    embed: (frame, points) => run(cropRgb(frame, alignTo(points, alignment), alignment.size, alignment.size)),
    embedCrop: (rgb, side, points) => run(realign(rgb, side, points, alignment)),
  };
}
