import type { AnalysisTable } from '@understudy/contracts';
import { framesBehind, shareShown } from '@understudy/face/track';

import { type AnalysedTrack, faceAt, trackOf } from './tracks.js';

/** A cast member's face in one frame. */
export interface ShownFace {
  readonly face: AnalysedTrack['faces'][number];
  /** How much of a change is to show, above 0 and at most 1. */
  readonly share: number;
}

/** A track of a cast member. Every step that changes the cast's faces asks it where, so that none paints over somebody in front. */
export interface CastTrack {
  readonly cast: number;
  readonly track: AnalysedTrack;
  /** The face that is to be changed in a frame; undefined where there is none, or another face is in front of it. */
  shownAt(frameNumber: number): ShownFace | undefined;
}

/** @throws UnderstudyError INVALID_REQUEST when a member has a track that the analysis does not have. */
export function castTracks(
  cast: readonly { readonly cast: number; readonly tracks: readonly number[] }[],
  analysis: AnalysisTable,
): CastTrack[] {
  return cast.flatMap((member) =>
    member.tracks.map((number) => {
      const track = trackOf(analysis, number);
      const behind = new Set(framesBehind(track, analysis.tracks));
      return {
        cast: member.cast,
        track,
        shownAt(frameNumber) {
          const face = faceAt(track, frameNumber);
          const share = shareShown(behind, frameNumber);
          return face === undefined || share === 0 ? undefined : { face, share };
        },
      };
    }),
  );
}
