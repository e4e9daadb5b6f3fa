import type { Affine, Box, Frame } from '@understudy/frame';
import { composeAffine, resample } from '@understudy/frame';
import { openTogether, type SessionOptions } from '@understudy/inference';

import { fivePoints } from '../identity/embedder.js';
import type { Landmarks } from '../landmarks/points.js';
import { alignTo } from '../landmarks/templates.js';
import { type MaskPacks, openMaskers, seenBy } from './face-mask.js';

/** What mask networks say of a face that has no aligned crop of its own. */
export interface SeenFace {
  readonly plateToCrop: Affine;
  readonly size: number;
  /** 0..1, `size` x `size`: 1 where nothing covers the face. */
  readonly mask: Float32Array;
}

export interface FaceMasks {
  seenIn(frame: Frame, landmarks: Landmarks): Promise<SeenFace>;
  release(): Promise<void>;
}

/** Head and hair with some room around, as the region networks were trained on it. */
const TEMPLATE = 'ffhq_512';
const SIZE = 256;

/**
 * Opens mask networks for steps that have no network of their own.
 *
 * @returns undefined where none is asked for
 * @throws UnderstudyError what {@link openTogether} says; PACK_CONTRACT_MISMATCH where a pack has another role
 */
export async function openFaceMasks(packs: MaskPacks, options: SessionOptions = {}): Promise<FaceMasks | undefined> {
  if (packs.occlusion === undefined && packs.regions === undefined) return undefined;
  return openTogether(options, async (open, release) => {
    const maskers = await openMaskers(packs, open);
    return {
      seenIn: async (frame, landmarks) => {
        const plateToCrop = alignTo(fivePoints(landmarks), { template: TEMPLATE, size: SIZE });
        return { plateToCrop, size: SIZE, mask: (await seenBy(maskers, frame, plateToCrop, SIZE))! };
      },
      release,
    };
  });
}

/** @returns the same over an upright box of the plate, `width` x `height`; beyond the crop its edge repeats */
export function seenOver({ plateToCrop, size, mask }: SeenFace, box: Box, width: number, height: number): Float32Array {
  const toPlate: Affine = [box.width / width, 0, box.x, 0, box.height / height, box.y];
  const out = new Float32Array(width * height);
  resample({ width: size, height: size, samples: mask }, composeAffine(plateToCrop, toPlate), width, height, out);
  return out;
}
