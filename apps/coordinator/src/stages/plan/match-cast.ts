import { UnderstudyError } from '@understudy/contracts';
import { likeness, SAME_FACE_COSINE, type Template } from './template.js';

export interface PlanTrack {
  readonly track: number;
  /** Null where identity was never measured. */
  readonly template: Template | null;
}

/** What is known of the face that a cast member covers. */
export interface PlanMember {
  readonly cast: number;
  /** Of the images that show which face is meant. */
  readonly references: readonly Template[];
  /** Of the plate performer's enrolled faces. */
  readonly enrolled: readonly Template[];
}

export interface CastMatch {
  readonly cast: number;
  readonly tracks: readonly number[];
  /** Whether the face was compared with the performer who consented to its being covered. */
  readonly verified: boolean;
}

/**
 * Finds the tracks that each cast member covers. A face is told by the references given, or by the performer's enrolled
 * faces; without either it must be the only person in the plate.
 *
 * @throws UnderstudyError NO_FACE, AMBIGUOUS_FACE, PLATE_FACE_NOT_FOUND, IDENTITY_MISMATCH
 */
export function matchCast(tracks: readonly PlanTrack[], members: readonly PlanMember[]): CastMatch[] {
  if (tracks.length === 0) {
    throw new UnderstudyError('NO_FACE', 'No face was found in the plate; give a plate that shows the person.');
  }
  for (const member of members) requireConsistent(member);
  const nameless = members.filter((member) => known(member).length === 0);
  if (nameless.length > 0) requireOnePerson(tracks, members);
  const owners = new Map(tracks.map((track) => [track.track, ownerOf(track, members)]));
  return members.map((member) => {
    const mine = tracks.filter(({ track }) => nameless.includes(member) || owners.get(track) === member.cast);
    if (mine.length === 0) throw notFound(tracks, member);
    return { cast: member.cast, tracks: mine.map(({ track }) => track), verified: member.enrolled.length > 0 };
  });
}

const known = ({ references, enrolled }: PlanMember): Template[] => [...references, ...enrolled];

/** A reference must show the performer whose consent covers this face, where the performer's face is enrolled. */
function requireConsistent({ cast, references, enrolled }: PlanMember): void {
  if (enrolled.length === 0) return;
  const cosines = references.map((reference) => likeness(reference, enrolled));
  if (cosines.every((value) => value >= SAME_FACE_COSINE)) return;
  throw new UnderstudyError(
    'IDENTITY_MISMATCH',
    `A plate reference of cast member ${cast} does not show the performer who consented; give another image.`,
    { details: { cast, role: 'plate', cosine: rounded(Math.min(...cosines)) } },
  );
}

function requireOnePerson(tracks: readonly PlanTrack[], members: readonly PlanMember[]): void {
  const people = peopleOf(tracks);
  if (people.length === 1 && members.length === 1) return;
  throw new UnderstudyError(
    'AMBIGUOUS_FACE',
    `The plate shows ${people.length} people and nothing tells which one is meant; give an image of the face to cover.`,
    { details: { people: people.map((person) => ({ tracks: person.map(({ track }) => track) })) } },
  );
}

/** The member whose face it is, when it is anybody's in the cast; the likelier one where two come in question. */
function ownerOf({ template }: PlanTrack, members: readonly PlanMember[]): number | null {
  if (template === null) return null;
  let [owner, best]: [number | null, number] = [null, SAME_FACE_COSINE];
  for (const member of members) {
    const value = likeness(template, known(member));
    if (value < best) continue;
    [owner, best] = [member.cast, value];
  }
  return owner;
}

function notFound(tracks: readonly PlanTrack[], member: PlanMember): UnderstudyError {
  const cosines = tracks.map(({ template }) => (template === null ? -1 : likeness(template, known(member))));
  return new UnderstudyError(
    'PLATE_FACE_NOT_FOUND',
    `The face that cast member ${member.cast} covers is not in the plate; check the plate and the reference image.`,
    { details: { cast: member.cast, bestCosine: rounded(Math.max(...cosines)), tracks: tracks.length } },
  );
}

/** Groups tracks by likeness. A track without a template is taken for a person of its own: nothing says whose it is. */
export function peopleOf(tracks: readonly PlanTrack[]): PlanTrack[][] {
  const people: PlanTrack[][] = [];
  for (const track of tracks) {
    const { template } = track;
    const person = people.find((others) =>
      others.some((other) => {
        if (template === null || other.template === null) return false;
        return likeness(template, [other.template]) >= SAME_FACE_COSINE;
      }),
    );
    if (person === undefined) people.push([track]);
    else person.push(track);
  }
  return people;
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/**
 * Tracks that de-identification covers: all but those that show a face to keep. A track that can't be compared is
 * covered.
 */
export function tracksToAnonymise(tracks: readonly PlanTrack[], keep: readonly Template[]): number[] {
  return tracks
    .filter(({ template }) => template === null || likeness(template, keep) < SAME_FACE_COSINE)
    .map(({ track }) => track);
}

/**
 * An identity image must show its performer.
 *
 * @throws UnderstudyError IDENTITY_MISMATCH
 */
export function requireIdentity(
  cast: number,
  images: readonly { assetId: string; template: Template }[],
  enrolled: readonly Template[],
): void {
  for (const { assetId, template } of images) {
    const value = likeness(template, enrolled);
    if (value >= SAME_FACE_COSINE) continue;
    throw new UnderstudyError(
      'IDENTITY_MISMATCH',
      `An identity image of cast member ${cast} does not show the performer who consented; give another image.`,
      { details: { cast, role: 'identity', assetId, cosine: rounded(value), enrolledFaces: enrolled.length } },
    );
  }
}

/** Frame numbers as half-open ranges, ascending. */
export function asRanges(frames: readonly number[]): [startFrame: number, endFrame: number][] {
  const ranges: [number, number][] = [];
  for (const frame of [...new Set(frames)].toSorted((left, right) => left - right)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === frame) last[1] = frame + 1;
    else ranges.push([frame, frame + 1]);
  }
  return ranges;
}
