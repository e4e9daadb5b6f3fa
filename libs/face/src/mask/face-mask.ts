import type { Affine, Frame } from '@understudy/frame';
import type { OpenedPack, StoredPack } from '@understudy/inference';

import type { Landmarks } from '../landmarks/points.js';
import type { Masker } from './pack-masks.js';
import { packOcclusionMasker, packRegionMasker } from './pack-masks.js';
import { boxMask, combineMasks, hullMask } from './shapes.js';

/** Networks that say what of a face is seen. */
export interface MaskPacks {
  readonly occlusion?: StoredPack;
  readonly regions?: StoredPack;
}

/** Where a face ends. */
export interface FaceEdge {
  /** Width of the soft edge in parts of the crop's side. */
  readonly feather: number;
  /** The crop with a soft border, or the hull of the face's landmarks. */
  readonly shape: 'box' | 'hull';
}

/** Masks of a face's crop, each 0..1. */
export interface FaceMask {
  /** Where the face is written if nothing covers it. */
  readonly shape: Float32Array;
  /** Where every network says that nothing covers it; undefined where none was asked. */
  readonly seen: Float32Array | undefined;
  /** What both allow. */
  readonly written: Float32Array;
}

/** @param open opens a pack and remembers it, so that it is released with the others */
export async function openMaskers(
  { occlusion, regions }: MaskPacks,
  open: (pack: StoredPack) => Promise<OpenedPack>,
): Promise<Masker[]> {
  const maskers: Masker[] = [];
  if (occlusion !== undefined) maskers.push(packOcclusionMasker(await open(occlusion)));
  if (regions !== undefined) maskers.push(packRegionMasker(await open(regions)));
  return maskers;
}

/** @returns what all of these networks let be seen of a crop; undefined where there is none of them */
export async function seenBy(
  maskers: readonly Masker[],
  frame: Frame,
  plateToCrop: Affine,
  size: number,
): Promise<Float32Array | undefined> {
  const masks: Float32Array[] = [];
  for (const masker of maskers) masks.push(await masker.maskOf(frame, plateToCrop, size));
  const [first, ...others] = masks;
  return first === undefined ? undefined : combineMasks(first, ...others);
}

/** The shape asked for, narrowed by every mask network. */
export async function faceMask(
  frame: Frame,
  landmarks: Landmarks,
  { plateToCrop, size }: { readonly plateToCrop: Affine; readonly size: number },
  { shape: kind, feather }: FaceEdge,
  maskers: readonly Masker[],
): Promise<FaceMask> {
  const shape = kind === 'hull' ? hullMask(landmarks, plateToCrop, size, { feather }) : boxMask(size, { feather });
  const seen = await seenBy(maskers, frame, plateToCrop, size);
  return { shape, seen, written: seen === undefined ? shape : combineMasks(shape, seen) };
}
