import { type RestoredTrack, type RestoreProcessor, settingsAt } from '@understudy/contracts';
import type { BoundedStrength, Landmarks } from '@understudy/face';

import type { CastTrack } from './cast-tracks.js';

/** A track with the largest strength that any frame of it is restored with. */
export interface BoundedTrack {
  readonly member: CastTrack;
  readonly bound: BoundedStrength;
}

/** How a face is restored in one frame. */
export interface RestoredFace {
  readonly landmarks: Landmarks;
  /** 0..1: what the recipe asks for, less where the face comes from behind another. */
  readonly asked: number;
  /** The same as far as the track's bound allows. */
  readonly strength: number;
}

/** @returns undefined where there is no face to restore, or another is in front of it */
export function restoredAt(
  processor: RestoreProcessor,
  { member, bound }: BoundedTrack,
  frameNumber: number,
): RestoredFace | undefined {
  const shown = member.shownAt(frameNumber);
  if (shown === undefined) return undefined;
  const { face, share } = shown;
  const asked = settingsAt(processor, frameNumber, member.cast).strength;
  return { landmarks: face.landmarks, asked: asked * share, strength: Math.min(bound.strength, asked) * share };
}

/** How strongly each track is restored in the frames `[startFrame, endFrame)`; without those that nobody asked to restore. */
export function restoredTracks(
  processor: RestoreProcessor,
  tracks: readonly BoundedTrack[],
  startFrame: number,
  endFrame: number,
): RestoredTrack[] {
  return tracks.flatMap((one) => {
    const { cast, track } = one.member;
    const faces: RestoredFace[] = [];
    const last = Math.min(endFrame, track.startFrame + track.faces.length);
    for (let frame = Math.max(startFrame, track.startFrame); frame < last; frame++) {
      const face = restoredAt(processor, one, frame);
      if (face !== undefined && face.asked > 0) faces.push(face);
    }
    if (faces.length === 0) return [];
    const strengths = faces.map(({ strength }) => strength);
    return {
      track: track.track,
      cast,
      frames: faces.length,
      meanAsked: mean(faces.map(({ asked }) => asked)),
      meanStrength: mean(strengths),
      minStrength: Math.min(...strengths),
      worstDrift: one.bound.drift,
    };
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
