import type { AnalysisTable } from '@understudy/contracts';
import type { Area } from '@understudy/media';
import { grown, shared } from '../face-areas/face-area.js';

/** A face of the delivery that is to be read. */
export interface OutputSample {
  readonly frame: number;
  readonly track: number;
  /** The member whose face it should be; null for a face that was covered. */
  readonly cast: number | null;
  readonly crop: Area;
  /** Others' heads within the crop. */
  readonly cover: readonly Area[];
}

export interface SampledFaces {
  readonly cast: readonly { readonly cast: number; readonly tracks: readonly number[] }[];
  /** Tracks that were covered. */
  readonly covered: readonly number[];
}

const SAMPLES_A_MEMBER = 2;
const MOST_SAMPLES = 6;
/** A detector wants to see the whole head. */
const ROOM = 0.6;
/** Part of the face that another head may hide. */
const MOST_HIDDEN = 0.2;

/**
 * Some faces of each cast member, and of those that were covered, at frames that nobody can know beforehand. Faces that the
 * analysis had to guess, or that another head stands before, say nothing and are left out.
 *
 * @param random in [0, 1), a new number each time
 */
export function sampleOutput(table: AnalysisTable, faces: SampledFaces, random: () => number): OutputSample[] {
  const groups = [
    ...faces.cast.map(({ cast, tracks }) => ({ cast, tracks })),
    ...(faces.covered.length === 0 ? [] : [{ cast: null, tracks: faces.covered }]),
  ];
  const samples = groups.flatMap(({ cast, tracks }) => {
    const fit = candidates(table, tracks);
    const taken: OutputSample[] = [];
    while (taken.length < SAMPLES_A_MEMBER && fit.length > 0) {
      const [one] = fit.splice(Math.floor(random() * fit.length), 1);
      if (one !== undefined) taken.push({ ...one, cast });
    }
    return taken;
  });
  // Of very many members some, by chance.
  while (samples.length > MOST_SAMPLES) samples.splice(Math.floor(random() * samples.length), 1);
  return samples;
}

function candidates(table: AnalysisTable, tracks: readonly number[]): Omit<OutputSample, 'cast'>[] {
  const others = table.tracks;
  return table.tracks
    .filter(({ track }) => tracks.includes(track))
    .flatMap(({ track, faces, uncertainFrames }) =>
      faces
        .filter(({ filled, frame }) => !filled && !uncertainFrames.includes(frame))
        .map(({ frame, box }) => {
          const crop = grown(box, ROOM);
          const heads = others
            .filter((other) => other.track !== track && other.startFrame <= frame && frame < other.endFrame)
            .flatMap((other) => other.faces[frame - other.startFrame]?.box ?? [])
            .map((head) => grown(head, 0.2));
          const hidden = heads.reduce((sum, head) => sum + shared(box, head), 0) / (box.width * box.height);
          return { frame, track, crop, cover: heads.filter((head) => shared(crop, head) > 0), hidden };
        })
        .filter(({ hidden }) => hidden <= MOST_HIDDEN)
        .map(({ frame, track: of, crop, cover }) => ({ frame, track: of, crop, cover })),
    );
}
