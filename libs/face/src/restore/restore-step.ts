import type { Frame } from '@understudy/frame';
import type { OpenedPack, SessionOptions, StoredPack } from '@understudy/inference';
import { openPack } from '@understudy/inference';

import { fivePoints } from '../identity/embedder.js';
import type { Landmarks } from '../landmarks/points.js';
import type { Masker } from '../mask/pack-masks.js';
import { packOcclusionMasker } from '../mask/pack-masks.js';
import { maskOf } from '../swap/swap-step.js';
import { pasteFace } from '../swap/swapped-face.js';
import type { RestoreSettings } from './restorer.js';
import { packRestorer } from './restorer.js';

export interface RestorePacks {
  readonly restorer: StoredPack;
  readonly occlusion?: StoredPack;
}

export interface RestoreStepSettings extends RestoreSettings {
  /** Width of the soft edge in parts of the crop's side. */
  readonly feather: number;
  readonly shape: 'box' | 'hull';
}

export interface RestoreStep {
  /**
   * Restores the face at these 68 points, in place. A pure function of frame, points and settings.
   *
   * @returns the strength that was used, and the identity's drift where it was measured
   */
  apply(
    frame: Frame,
    landmarks: Landmarks,
    settings: RestoreStepSettings,
  ): Promise<{ strength: number; drift: number | undefined }>;
  /**
   * Runs the networks on the face at these 68 points, without changing the frame.
   *
   * @returns writes the restored face into a frame of the same picture, by a strength of 0..1
   */
  prepare(
    frame: Frame,
    landmarks: Landmarks,
    settings: Omit<RestoreStepSettings, 'strength' | 'fidelity'>,
  ): Promise<(frame: Frame, strength: number) => void>;
  release(): Promise<void>;
}

/** @throws UnderstudyError what {@link openPack} says; PACK_CONTRACT_MISMATCH where a pack has another role */
export async function openRestoreStep(packs: RestorePacks, options: SessionOptions = {}): Promise<RestoreStep> {
  const opened: OpenedPack[] = [];
  const release = async () => {
    for (const one of opened) await one.release();
  };
  try {
    opened.push(await openPack(packs.restorer, options));
    const restorer = packRestorer(opened[0]!);
    const maskers: Masker[] = [];
    if (packs.occlusion !== undefined) {
      opened.push(await openPack(packs.occlusion, options));
      maskers.push(packOcclusionMasker(opened[1]!));
    }
    return {
      apply: async (frame, landmarks, settings) => {
        const face = await restorer.restore(frame, fivePoints(landmarks), settings);
        // The blend with what was there is done; the mask alone says how much of it is written.
        pasteFace(frame, face, await maskOf(frame, landmarks, face, settings, maskers));
        return { strength: face.strength, drift: face.drift };
      },
      prepare: async (frame, landmarks, settings) => {
        const face = await restorer.restore(frame, fivePoints(landmarks), { ...settings, strength: 1 });
        const mask = await maskOf(frame, landmarks, face, settings, maskers);
        return (target, strength) => pasteFace(target, face, mask, strength);
      },
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}
