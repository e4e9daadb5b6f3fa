import { SAME_PERSON_COSINE, cosine } from '../identity/cosine.js';
import type { Track } from './track.js';

export interface Reference {
  readonly id: string;
  readonly embedding: ArrayLike<number>;
}

export interface TrackMatch {
  readonly track: number;
  /** The reference this track shows; null when it shows none of them. */
  readonly reference: string | null;
  /** To the nearest reference; null without references or without an identity of the track. */
  readonly cosine: number | null;
}

/**
 * Who the tracks show. The most alike pairs are matched first, and nobody is in two tracks of the same frame: of two
 * such tracks the less alike one stays unmatched.
 *
 * @param threshold least cosine of one person.
 */
export function matchTracks(
  tracks: readonly Track[],
  references: readonly Reference[],
  threshold = SAME_PERSON_COSINE,
): TrackMatch[] {
  const pairs = tracks.flatMap((track) =>
    references.flatMap((reference) =>
      track.embedding === null ? [] : [{ track, reference, likeness: cosine(track.embedding, reference.embedding) }],
    ),
  );
  pairs.sort((a, b) => b.likeness - a.likeness || a.track.track - b.track.track);
  const matched = new Map<Track, string>();
  for (const { track, reference, likeness } of pairs) {
    if (likeness < threshold || matched.has(track)) continue;
    const isTaken = [...matched].some(([other, id]) => id === reference.id && overlaps(other, track));
    if (!isTaken) matched.set(track, reference.id);
  }
  return tracks.map((track) => ({
    track: track.track,
    reference: matched.get(track) ?? null,
    cosine: pairs.find((pair) => pair.track === track)?.likeness ?? null,
  }));
}

function overlaps(a: Track, b: Track): boolean {
  return a.startFrame < b.endFrame && b.startFrame < a.endFrame;
}
