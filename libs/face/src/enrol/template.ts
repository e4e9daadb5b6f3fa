import { type EnrolResult, UnderstudyError } from '@understudy/contracts';
import type { ModelPack } from '@understudy/inference';

import { eyeDistance } from '../landmarks/points.js';
import type { ImageFace } from './faces-of-image.js';

/** Below this quality a template says too little about whose it is. */
const LEAST_QUALITY = 0.35;
/** Eye distance from which a face is large enough for the recogniser, whose own crop has 35 pixels. */
const GOOD_EYE_DISTANCE_PX = 36;
const STRAIGHT_YAW_DEG = 20;
const PROFILE_YAW_DEG = 60;
const STEADY_SPREAD = 0.03;
const LOST_SPREAD = 0.15;
const [DARK, LIT, BRIGHT, BURNT] = [15, 45, 225, 250];

/**
 * How well a face can be recognised, 0..1: the least of its size, the detector's certainty, how steadily its landmarks are
 * found, how far it is turned away and whether it is lit.
 */
export function enrolQuality(face: ImageFace): { quality: number; measures: Record<string, number> } {
  const light = face.light?.mean ?? [128, 128, 128];
  const luma = 0.2126 * (light[0] ?? 0) + 0.7152 * (light[1] ?? 0) + 0.0722 * (light[2] ?? 0);
  const measures = {
    size: ramp(eyeDistance(face.landmarks), GOOD_EYE_DISTANCE_PX / 4, GOOD_EYE_DISTANCE_PX),
    detection: ramp(face.score, 0.5, 0.95),
    steadiness: ramp(face.spread ?? 0, LOST_SPREAD, STEADY_SPREAD),
    pose: ramp(Math.abs(face.yawDeg ?? 0), PROFILE_YAW_DEG, STRAIGHT_YAW_DEG),
    light: Math.min(ramp(luma, DARK, LIT), ramp(luma, BURNT, BRIGHT)),
  };
  return { quality: Math.round(Math.min(...Object.values(measures)) * 1000) / 1000, measures };
}

/** 0 at or beyond `none`, 1 at or beyond `full`, straight between. */
function ramp(value: number, none: number, full: number): number {
  return Math.min(1, Math.max(0, (value - none) / (full - none)));
}

/** @throws UnderstudyError NO_FACE, TWO_FACES_IN_IMAGE, FACE_QUALITY_TOO_LOW */
export function templateOf(faces: readonly ImageFace[], recogniser: string): EnrolResult {
  const [face, second] = faces;
  if (face === undefined) {
    throw new UnderstudyError('NO_FACE', 'No face was found in the image: give a portrait that shows it clearly.');
  }
  if (second !== undefined) {
    throw new UnderstudyError(
      'TWO_FACES_IN_IMAGE',
      'The image shows several faces: crop it to the one that is meant.',
      {
        details: { faces: faces.length },
      },
    );
  }
  const { quality, measures } = enrolQuality(face);
  if (quality < LEAST_QUALITY || face.embedding === undefined) {
    throw new UnderstudyError(
      'FACE_QUALITY_TOO_LOW',
      'The face is too small, turned away, covered or badly lit: give a clearer portrait.',
      { details: { quality, ...measures } },
    );
  }
  return { format: 'understudy-template/1', template: face.embedding, recogniser, quality };
}

/** Templates compare only within one identity model, so its name holds the model's hash. */
export function recogniserOf(pack: ModelPack): string {
  const identity = pack.manifest.models.find(({ role }) => role === 'identity');
  return `${pack.id}:${identity?.sha256.slice(0, 16) ?? 'none'}`;
}
