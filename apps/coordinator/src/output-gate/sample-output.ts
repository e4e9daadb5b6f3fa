import type { AnalysisTable } from '@understudy/contracts';
import type { Area } from '@understudy/media';
import { grown, shared } from '../face-areas/face-area.js';
import { isClear } from './clear-face.js';

/** A face of the delivery that is to be read. */
export interface OutputSample {
  readonly frame: number;
  readonly track: number;
  /** The member whose face it should be; null for a face that was covered. */
  readonly cast: number | null;
  readonly crop: Area;
  /** Others' heads within the crop. */
  readonly cover: readonly Area[];
  /** A lane has to be able to read it. */
  readonly clear: boolean;
}

export interface FrameRange {
  readonly startFrame: number;
  readonly endFrame: number;
}

export interface SampledFaces {
  readonly cast: readonly { readonly cast: number; readonly tracks: readonly number[] }[];
  /** Tracks that were covered. */
  readonly covered: readonly number[];
  /** Frames [startFrame, endFrame) that a partial version rendered anew: as many faces of these as of the others. */
  readonly anew?: FrameRange | undefined;
  /** Faces for which the delivery was held before: these very ones are looked at besides. */
  readonly again?: readonly { readonly frame: number; readonly track: number }[];
}

const SAMPLES_A_MEMBER = 2;
const MOST_SAMPLES = 6;
/** Of those looked at again, the oldest. */
const MOST_AGAIN = 12;
/** A detector wants to see the whole head. */
const ROOM = 0.6;
/** Part of the face that another head may hide. */
const MOST_HIDDEN = 0.2;

/**
 * Some faces of each cast member, and of those that were covered, at frames that nobody can know beforehand. Faces that the
 * analysis had to guess, or that another head stands before, say nothing and are left out; where a member has faces that can
 * be seen clearly, only those are drawn from.
 *
 * @param random in [0, 1), a new number each time
 */
export function sampleOutput(table: AnalysisTable, faces: SampledFaces, random: () => number): OutputSample[] {
  const again: OutputSample[] = [];
  const groups = [
    ...faces.cast.map(({ cast, tracks }) => ({ cast, tracks })),
    ...(faces.covered.length === 0 ? [] : [{ cast: null, tracks: faces.covered }]),
  ].map(({ cast, tracks }) => {
    const [before, others] = parted(candidates(table, tracks), faces.again ?? []);
    again.push(...before.map((one) => ({ ...one, cast })));
    const own = others.map((one) => ({ ...one, cast }));
    return partsOf(faces.anew, own);
  });
  const drawn = partsOf(faces.anew, []).flatMap((_, part) =>
    draw(
      groups.map((parts) => parts[part] ?? []),
      random,
    ),
  );
  return [...again.slice(0, MOST_AGAIN), ...drawn];
}

/** What a partial version rendered anew and what it took over, each for itself: neither speaks for the other. */
export function partsOf<T extends { readonly frame: number }>(
  anew: FrameRange | undefined,
  faces: readonly T[],
): (readonly T[])[] {
  if (anew === undefined) return [faces];
  const isAnew = ({ frame }: T): boolean => anew.startFrame <= frame && frame < anew.endFrame;
  return [faces.filter(isAnew), faces.filter((face) => !isAnew(face))];
}

function draw(groups: readonly (readonly OutputSample[])[], random: () => number): OutputSample[] {
  const samples = groups.flatMap((group) => {
    const clear = group.filter((one) => one.clear);
    const fit = clear.length > 0 ? clear : [...group];
    const taken: OutputSample[] = [];
    while (taken.length < SAMPLES_A_MEMBER && fit.length > 0) {
      taken.push(...fit.splice(Math.floor(random() * fit.length), 1));
    }
    return taken;
  });
  // Of very many members some, by chance; of everybody one before of anybody two.
  while (samples.length > MOST_SAMPLES) {
    const spare = samples.filter(({ cast }, at) => samples.some((other, n) => n !== at && other.cast === cast));
    const from = spare.length > 0 ? spare : samples;
    const drop = from[Math.floor(random() * from.length)];
    samples.splice(drop === undefined ? 0 : samples.indexOf(drop), 1);
  }
  return samples;
}

/** Those that are to be looked at again, oldest first, and the others. */
function parted<T extends { frame: number; track: number }>(
  faces: readonly T[],
  again: readonly { readonly frame: number; readonly track: number }[],
): [T[], T[]] {
  const before = again.flatMap(
    ({ frame, track }) => faces.find((one) => one.frame === frame && one.track === track) ?? [],
  );
  return [before, faces.filter((one) => !before.includes(one))];
}

function candidates(table: AnalysisTable, tracks: readonly number[]): Omit<OutputSample, 'cast'>[] {
  const others = table.tracks;
  return table.tracks
    .filter(({ track }) => tracks.includes(track))
    .flatMap(({ track, faces, uncertainFrames }) =>
      faces
        .filter(({ filled, frame }) => !filled && !uncertainFrames.includes(frame))
        .map((face) => {
          const { frame, box } = face;
          const crop = grown(box, ROOM);
          const heads = others
            .filter((other) => other.track !== track && other.startFrame <= frame && frame < other.endFrame)
            .flatMap((other) => other.faces[frame - other.startFrame]?.box ?? [])
            .map((head) => grown(head, 0.2));
          const hidden = heads.reduce((sum, head) => sum + shared(box, head), 0) / (box.width * box.height);
          return {
            frame,
            track,
            crop,
            cover: heads.filter((head) => shared(crop, head) > 0),
            hidden,
            clear: isClear(face),
          };
        })
        .filter(({ hidden }) => hidden <= MOST_HIDDEN)
        .map(({ frame, track: of, crop, cover, clear }) => ({ frame, track: of, crop, cover, clear })),
    );
}
