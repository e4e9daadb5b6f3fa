import { cosine, SAME_PERSON_COSINE } from '@understudy/face/track';

/** Less alike than this is nobody's likeness: strangers lie around 0. */
const STRANGER_COSINE = 0.1;

export interface KnownFace {
  readonly performerId: string;
  readonly recogniser: string;
  readonly template: Float32Array;
}

export interface ReadFace {
  readonly frame: number;
  readonly track: number;
  readonly cast: number | null;
  readonly recogniser: string;
  readonly template: Float32Array;
}

export interface ExpectedMember {
  readonly cast: number;
  /** Faces of the one who should appear, and of the one who was filmed. */
  readonly identity: readonly KnownFace[];
  readonly plate: readonly KnownFace[];
}

/**
 * `THIRD_PERSON`: a face is an enrolled performer's who is not cast there. `STILL_KNOWN`: a covered face is. `NOBODYS_FACE`:
 * a member's faces are neither their identity's nor the plate's, in none of the sampled frames. `NOT_READ`: no lane gave
 * an answer about faces that can be read.
 */
export type OutputReason = 'THIRD_PERSON' | 'STILL_KNOWN' | 'NOBODYS_FACE' | 'NOT_READ';

export interface OutputFault {
  readonly reason: OutputReason;
  readonly track: number;
  readonly frames: readonly number[];
  /** Whose face it is; null for nobody's. */
  readonly performerId: string | null;
}

/** The best cosine against faces that the same model read; -1 against none. */
function likeness({ recogniser, template }: ReadFace, others: readonly KnownFace[]): number {
  return others
    .filter((other) => other.recogniser === recogniser)
    .reduce((best, other) => Math.max(best, cosine(template, other.template)), -1);
}

/** Who of those enrolled it is, if it is anybody, at least as much as it is who it should be. */
function thirdPerson(
  face: ReadFace,
  member: ExpectedMember | undefined,
  enrolled: readonly KnownFace[],
): string | null {
  const own = [...(member?.identity ?? []), ...(member?.plate ?? [])];
  const expected = likeness(face, own);
  const cast = new Set(own.map(({ performerId }) => performerId));
  let best: { performerId: string; alike: number } | null = null;
  for (const known of enrolled) {
    if (cast.has(known.performerId)) continue;
    const alike = likeness(face, [known]);
    if (alike >= SAME_PERSON_COSINE && alike > expected && alike > (best?.alike ?? -1)) {
      best = { performerId: known.performerId, alike };
    }
  }
  return best?.performerId ?? null;
}

/** Compares what was read in a delivery with who may appear there. Pure; faces of different models are not compared. */
export function judgeOutput(
  faces: readonly ReadFace[],
  members: readonly ExpectedMember[],
  enrolled: readonly KnownFace[],
): OutputFault[] {
  const faults: OutputFault[] = [];
  for (const face of faces) {
    const member = members.find(({ cast }) => cast === face.cast);
    const performerId = thirdPerson(face, member, enrolled);
    if (performerId === null) continue;
    const reason = member === undefined ? 'STILL_KNOWN' : 'THIRD_PERSON';
    faults.push({ reason, track: face.track, frames: [face.frame], performerId });
  }
  for (const member of members) {
    const somebody = (face: ReadFace): boolean => thirdPerson(face, member, enrolled) !== null;
    const own = faces.filter(({ cast, recogniser }) => cast === member.cast && comparable(member, recogniser));
    const strange = own.filter((face) => likeness(face, [...member.identity, ...member.plate]) < STRANGER_COSINE);
    if (own.length < 2 || strange.length < own.length || own.some(somebody)) continue;
    const frames = strange.map(({ frame }) => frame).toSorted((one, other) => one - other);
    faults.push({ reason: 'NOBODYS_FACE', track: strange[0]?.track ?? -1, frames, performerId: null });
  }
  return faults;
}

/** Without both sides a low likeness says nothing: the face may well be the other's. */
function comparable({ identity, plate }: ExpectedMember, recogniser: string): boolean {
  return [identity, plate].every((side) => side.some((known) => known.recogniser === recogniser));
}
