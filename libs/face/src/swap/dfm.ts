import { UnderstudyError } from '@understudy/contracts';
import type { Frame } from '@understudy/frame';
import { cropRgb } from '@understudy/frame';
import type { GraphInput, OpenedPack } from '@understudy/inference';
import { decodeOf, fromTensor, imageShape, toTensor } from '@understudy/inference';

import type { FivePoints } from '../landmarks/templates.js';
import { alignTo } from '../landmarks/templates.js';
import type { SwappedFace } from './swapped-face.js';
import { unit } from './swapper.js';

const FACE_INPUT = 'in_face:0';
const MORPH_INPUT = 'morph_value:0';

/** DeepFaceLab's models: trained for one performer, so there is no source to give. */
export interface DfmSwapper {
  /** Whether the model knows how far to go from the plate's face to the performer's. */
  readonly morphs: boolean;
  /**
   * The performer's face in the plate's pose. Its mask is where both the performer's face and the plate's are.
   *
   * @param morph 0..1, read only by models that morph
   */
  swap(frame: Frame, points: FivePoints, morph?: number): Promise<SwappedFace>;
}

/** @throws UnderstudyError PACK_CONTRACT_MISMATCH where the pack is no DFM, or leaves its size open */
export function packDfm(pack: OpenedPack): DfmSwapper {
  const { template, image, output } = decodeOf(pack.manifest, 'dfm');
  const size = sideOf(pack);
  const morphs = pack.model.inputs.some((one) => one.name === MORPH_INPUT);
  return {
    morphs,
    swap: async (frame, points, morph = 1) => {
      const plateToCrop = alignTo(points, { template, size });
      const data = toTensor(cropRgb(frame, plateToCrop, size, size), image);
      const feeds: Record<string, GraphInput> = { [FACE_INPUT]: { data, shape: imageShape(image, size) } };
      if (morphs) feeds[MORPH_INPUT] = { data: Float32Array.of(morph), shape: [1] };
      const [plateMask, face, faceMask] = await pack.model.run(feeds);
      const [own, plates] = [unit(faceMask!.data), unit(plateMask!.data)];
      return {
        plateToCrop,
        size,
        rgb: fromTensor(face!.data, image, output),
        mask: own.map((value, i) => Math.min(value, plates[i]!)),
      };
    },
  };
}

function sideOf(pack: OpenedPack): number {
  const [, height, width] = pack.model.inputs.find((one) => one.name === FACE_INPUT)!.shape;
  if (typeof height === 'number' && height === width) return height;
  throw new UnderstudyError(
    'PACK_CONTRACT_MISMATCH',
    `${pack.manifest.id} takes a face of ${height} x ${width}, not of a fixed square: export it with its resolution.`,
  );
}
