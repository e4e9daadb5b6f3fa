import type { Frame } from '@understudy/frame';
import { cropRgb } from '@understudy/frame';
import type { GraphInput, OpenedPack } from '@understudy/inference';
import { decodeOf, fromTensor, imageShape, toTensor } from '@understudy/inference';

import type { FivePoints } from '../landmarks/templates.js';
import { alignTo } from '../landmarks/templates.js';
import type { RawEmbedding } from './recogniser.js';
import { sourceEmbedding } from './source-embedding.js';
import type { SwappedFace } from './swapped-face.js';

/** A picture of the identity with its five points: image swappers read the face from it. */
export interface IdentityPicture {
  readonly frame: Frame;
  readonly points: FivePoints;
}

/** An identity made ready for one swapper, once for all frames. */
export type SwapSource = GraphInput;

export interface Swapper {
  /**
   * Makes an identity ready. Embedding swappers read the embedding, which must come from the recogniser they were trained
   * with (ArcFace w600k); image swappers read the picture.
   */
  prepare(embedding: RawEmbedding, picture: IdentityPicture): Promise<SwapSource>;
  /** The identity's face in the pose, light and expression of the plate's face at these points. The plate is not changed. */
  swap(frame: Frame, points: FivePoints, source: SwapSource): Promise<SwappedFace>;
}

/** @throws UnderstudyError PACK_CONTRACT_MISMATCH where the pack is no swapper with a source */
export function packSwapper(pack: OpenedPack): Swapper {
  const decode = decodeOf(pack.manifest, 'embedding-swapper', 'image-swapper');
  const { alignment, image, output } = decode;
  const { size } = alignment;
  return {
    prepare: async (embedding, picture) => {
      if (decode.family === 'embedding-swapper') {
        const data = await sourceEmbedding(pack, decode.source, embedding);
        return { data, shape: [1, data.length] };
      }
      const { sourceAlignment, sourceImage } = decode;
      const side = sourceAlignment.size;
      const rgb = cropRgb(picture.frame, alignTo(picture.points, sourceAlignment), side, side);
      return { data: toTensor(rgb, sourceImage), shape: imageShape(sourceImage, side) };
    },
    swap: async (frame, points, source) => {
      const plateToCrop = alignTo(points, alignment);
      const target = toTensor(cropRgb(frame, plateToCrop, size, size), image);
      const [face, mask] = await pack.model.run({ source, target: { data: target, shape: imageShape(image, size) } });
      return {
        plateToCrop,
        size,
        rgb: fromTensor(face!.data, image, output),
        mask: decode.family === 'embedding-swapper' && decode.givesMask ? unit(mask!.data) : undefined,
      };
    },
  };
}

/** Clamped to 0..1. */
export function unit(values: Float32Array): Float32Array {
  return values.map((value) => Math.min(1, Math.max(0, value)));
}
