import type { Affine, Frame } from '@understudy/frame';
import { applyAffine, cropRgb } from '@understudy/frame';
import type { GraphInput, OpenedPack } from '@understudy/inference';
import { decodeOf, fromTensor, imageShape, toTensor } from '@understudy/inference';

import type { FivePoints } from '../landmarks/templates.js';
import { alignTo } from '../landmarks/templates.js';
import type { SwappedFace } from '../swap/swapped-face.js';
import { blendCrops, blendWithinDrift } from './fidelity.js';

export interface RestoreSettings {
  /** 0 keeps the plate, 1 is the network's face alone; 0.8 is usual. */
  readonly strength: number;
  /** For networks with such an input (CodeFormer): 0 most changed, 1 most faithful. */
  readonly weight?: number;
  /** How far identity may drift, and who measures it. */
  readonly fidelity?: {
    readonly maxDrift: number;
    /** @param rgb R, G and B planes of `side` x `side`; points in its coordinates */
    readonly identityOf: (rgb: Float32Array, side: number, points: FivePoints) => Promise<Float32Array>;
  };
}

export interface RestoredFace extends SwappedFace {
  /** What was used of the strength asked for. */
  readonly strength: number;
  /** Measured where a fidelity was set. */
  readonly drift: number | undefined;
}

export interface Restorer {
  /** The plate's face, restored and blended with what was there. The plate is not changed. */
  restore(frame: Frame, points: FivePoints, settings: RestoreSettings): Promise<RestoredFace>;
}

/** @throws UnderstudyError PACK_CONTRACT_MISMATCH where the pack is no restorer */
export function packRestorer(pack: OpenedPack): Restorer {
  const { alignment, image, output, weighted } = decodeOf(pack.manifest, 'restorer');
  const { size } = alignment;
  const input = pack.model.inputs[0]!.name;
  return {
    restore: async (frame, points, { strength, weight = 0.5, fidelity }) => {
      const plateToCrop = alignTo(points, alignment);
      const original = cropRgb(frame, plateToCrop, size, size);
      const data = toTensor(original, image);
      const feeds: Record<string, GraphInput> = { [input]: { data, shape: imageShape(image, size) } };
      if (weighted) feeds['weight'] = { data: Float64Array.of(weight), shape: [1] };
      const [face] = await pack.model.run(feeds);
      const restored = fromTensor(face!.data, image, output);
      const place = { plateToCrop, size, mask: undefined };
      if (fidelity === undefined) {
        return { ...place, rgb: blendCrops(original, restored, strength), strength, drift: undefined };
      }
      const inCrop = pointsInCrop(points, plateToCrop);
      const bound = { strength, maxDrift: fidelity.maxDrift };
      const blended = await blendWithinDrift(original, restored, bound, (rgb) =>
        fidelity.identityOf(rgb, size, inCrop),
      );
      return { ...place, ...blended };
    },
  };
}

function pointsInCrop(points: FivePoints, plateToCrop: Affine): FivePoints {
  const at = (i: 0 | 1 | 2 | 3 | 4) => {
    const [x, y] = applyAffine(plateToCrop, points[i].x, points[i].y);
    return { x, y };
  };
  return [at(0), at(1), at(2), at(3), at(4)];
}
