import type { Affine, Frame } from '@understudy/frame';
import { pasteRgb } from '@understudy/frame';

/** A face as a network gave it, and where it belongs. */
export interface SwappedFace {
  readonly plateToCrop: Affine;
  /** Side of the crop. */
  readonly size: number;
  /** R, G and B planes of 0..255. */
  readonly rgb: Float32Array;
  /** Where the network itself says that its face is, 0..1; absent where it says nothing. */
  readonly mask: Float32Array | undefined;
}

/**
 * Writes a face into the plate under a mask, in place. Outside the mask every sample stays.
 *
 * @param mask 0..1, of the crop's size; the network's own mask narrows it
 * @param strength 0 keeps the plate, 1 writes the whole face
 */
export function pasteFace(frame: Frame, face: SwappedFace, mask: Float32Array, strength = 1): void {
  const { size, rgb, plateToCrop } = face;
  const own = face.mask;
  const weight = mask.map((value, i) => strength * (own === undefined ? value : Math.min(value, own[i]!)));
  pasteRgb(frame, plateToCrop, { width: size, height: size, rgb, mask: weight });
}
