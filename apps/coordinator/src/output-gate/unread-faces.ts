import type { ExpectedMember, KnownFace, OutputFault } from './judge-output.js';

/** A face that lanes were asked for. */
export interface AskedFace {
  readonly frame: number;
  readonly track: number;
  /** Null for a face that was covered. */
  readonly cast: number | null;
  readonly clear: boolean;
  /** What read it; null where nothing did. */
  readonly recogniser: string | null;
  /** Why it was not read. */
  readonly errorCode: string | null;
}

/** What a reader says that looked and saw no face it knows how to read: of a covered face that is as it should be. */
const SAW_NONE = ['NO_FACE', 'TWO_FACES_IN_IMAGE', 'FACE_QUALITY_TOO_LOW'];

/** Whether what was read can be compared with anybody who may appear there; where nobody is known, that is no fault of it. */
export function isAnswered(
  { cast, recogniser }: Pick<AskedFace, 'cast' | 'recogniser'>,
  members: readonly ExpectedMember[],
  enrolled: readonly KnownFace[],
): boolean {
  if (recogniser === null) return false;
  const of = members.filter((member) => cast === null || member.cast === cast);
  const known = [...of.flatMap(({ identity, plate }) => [...identity, ...plate]), ...(cast === null ? enrolled : [])];
  return known.length === 0 || known.some((face) => face.recogniser === recogniser);
}

/**
 * Who was asked for and not read, though they could be: a member of whom the plate shows clear faces, those covered when a
 * lane did not even look, and every face for which the delivery was held before. Pure.
 *
 * @param heldFor why the delivery was held before; who was not read then, and whom a person let pass, is let pass
 */
export function unreadFaces(
  faces: readonly AskedFace[],
  members: readonly ExpectedMember[],
  enrolled: readonly KnownFace[],
  heldFor: readonly (Pick<OutputFault, 'track' | 'frames'> & { readonly reason: string })[],
): OutputFault[] {
  const reasonsBefore = ({ track, frame }: AskedFace): string[] =>
    heldFor.filter((fault) => fault.track === track && fault.frames.includes(frame)).map(({ reason }) => reason);
  const faults: OutputFault[] = [];
  for (const cast of new Set(faces.map((face) => face.cast))) {
    const own = faces.filter((face) => face.cast === cast);
    const unread = own.filter((face) => !isAnswered(face, members, enrolled));
    const isLetPass = own.some((face) => reasonsBefore(face).includes('NOT_READ'));
    const wanted = unread.filter((face) => (cast === null ? !SAW_NONE.includes(face.errorCode ?? '') : face.clear));
    const atFault =
      unread.length === own.length && !isLetPass
        ? wanted
        : unread.filter((face) => reasonsBefore(face).some((reason) => reason !== 'NOT_READ'));
    for (const track of new Set(atFault.map((face) => face.track))) {
      const frames = atFault.filter((face) => face.track === track).map(({ frame }) => frame);
      faults.push({ reason: 'NOT_READ', track, frames, performerId: null });
    }
  }
  return faults;
}
