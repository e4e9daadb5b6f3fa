import type { Frame } from '@understudy/frame';
import { openTogether, type SessionOptions, type StoredPack } from '@understudy/inference';

import { fivePoints } from '../identity/embedder.js';
import type { Landmarks } from '../landmarks/points.js';
import type { FaceEdge, MaskPacks } from '../mask/face-mask.js';
import { faceMask, openMaskers } from '../mask/face-mask.js';
import type { FaceFit } from '../swap/fit-face.js';
import { fitFace } from '../swap/fit-face.js';
import { pasteFace } from '../swap/swapped-face.js';
import type { RestoreSettings } from './restorer.js';
import { packRestorer } from './restorer.js';

export interface RestorePacks extends MaskPacks {
  readonly restorer: StoredPack;
}

export interface RestoreStepSettings extends RestoreSettings, FaceEdge, Pick<FaceFit, 'blend'> {}

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

/** @throws UnderstudyError what {@link openTogether} says; PACK_CONTRACT_MISMATCH where a pack has another role */
export async function openRestoreStep(packs: RestorePacks, options: SessionOptions = {}): Promise<RestoreStep> {
  return openTogether(options, async (open, release) => {
    const restorer = packRestorer(await open(packs.restorer));
    const maskers = await openMaskers(packs, open);
    const restored = async (frame: Frame, landmarks: Landmarks, settings: RestoreStepSettings) => {
      const face = await restorer.restore(frame, fivePoints(landmarks), settings);
      const mask = await faceMask(frame, landmarks, face, settings, maskers);
      const fitted = fitFace(frame, landmarks, face, mask, { colour: 'none', blend: settings.blend });
      return { face, fitted, written: mask.written };
    };
    return {
      apply: async (frame, landmarks, settings) => {
        const { face, fitted, written } = await restored(frame, landmarks, settings);
        // The blend with what was there is done; the mask alone says how much of it is written.
        pasteFace(frame, fitted, written);
        return { strength: face.strength, drift: face.drift };
      },
      prepare: async (frame, landmarks, settings) => {
        const { fitted, written } = await restored(frame, landmarks, { ...settings, strength: 1 });
        return (target, strength) => pasteFace(target, fitted, written, strength);
      },
      release,
    };
  });
}
