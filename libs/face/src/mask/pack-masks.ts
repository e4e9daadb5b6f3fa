import type { Affine, Frame } from '@understudy/frame';
import { composeAffine, cropRgb, resample } from '@understudy/frame';
import type { OpenedPack } from '@understudy/inference';
import { decodeOf, imageShape, toTensor } from '@understudy/inference';

import { blurPlane } from '../blend/gaussian.js';

/** A network that says which samples of an aligned crop may be written. */
export interface Masker {
  /** @returns 0..1, `size` x `size`, of the crop that this map cuts from the plate */
  maskOf(frame: Frame, plateToCrop: Affine, size: number): Promise<Float32Array>;
}

/** In samples of a crop of 256; softens inward only, so that nothing that covers the face is written over. */
const SOFTNESS_PER_SIDE = 5 / 256;

/** XSeg: 1 where the face is seen, 0 where hands, hair or things cover it. */
export function packOcclusionMasker(pack: OpenedPack): Masker {
  const decode = decodeOf(pack.manifest, 'occlusion-mask');
  return {
    maskOf: async (frame, plateToCrop, size) => {
      const data = await run(pack, decode, frame, plateToCrop, size);
      return softenInward(resize(data, decode.size, size), size);
    },
  };
}

/** Classes of BiSeNet's face parsing that are the face: skin, brows, eyes, glasses, nose, mouth, lips. */
export const FACE_CLASSES: readonly number[] = [1, 2, 3, 4, 5, 6, 10, 11, 12, 13];

/** BiSeNet: 1 where the likeliest class is one of these. */
export function packRegionMasker(pack: OpenedPack, classes: readonly number[] = FACE_CLASSES): Masker {
  const decode = decodeOf(pack.manifest, 'region-mask');
  const wanted = new Set(classes);
  return {
    maskOf: async (frame, plateToCrop, size) => {
      const scores = await run(pack, decode, frame, plateToCrop, size);
      const mask = likeliest(scores, decode.classes).map((one) => (wanted.has(one) ? 1 : 0));
      return softenInward(resize(Float32Array.from(mask), decode.size, size), size);
    },
  };
}

async function run(
  pack: OpenedPack,
  { size: side, image }: ReturnType<typeof decodeOf<'occlusion-mask' | 'region-mask'>>,
  frame: Frame,
  plateToCrop: Affine,
  size: number,
): Promise<Float32Array> {
  const scale = side / size;
  const toInput = composeAffine([scale, 0, 0, 0, scale, 0], plateToCrop);
  const data = toTensor(cropRgb(frame, toInput, side, side), image);
  const [output] = await pack.model.run({ [pack.model.inputs[0]!.name]: { data, shape: imageShape(image, side) } });
  return output!.data;
}

/** The class of the highest score at each sample; of equal ones the first. */
export function likeliest(scores: Float32Array, classes: number): Uint8Array {
  const count = scores.length / classes;
  const best = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    for (let k = 1; k < classes; k++) if (scores[k * count + i]! > scores[best[i]! * count + i]!) best[i] = k;
  }
  return best;
}

function resize(values: Float32Array, from: number, to: number): Float32Array {
  const clamped = values.map((value) => Math.min(1, Math.max(0, value)));
  if (from === to) return clamped;
  const out = new Float32Array(to * to);
  resample({ width: from, height: from, samples: clamped }, [from / to, 0, 0, 0, from / to, 0], to, to, out);
  return out;
}

function softenInward(data: Float32Array, size: number): Float32Array {
  const soft = blurPlane({ width: size, height: size, data }, size * SOFTNESS_PER_SIDE).data;
  return soft.map((value) => 2 * Math.max(0, Math.min(1, value) - 0.5));
}
