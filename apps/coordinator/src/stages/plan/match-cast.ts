import { UnderstudyError } from '@understudy/contracts';
import { matchTracks, SAME_PERSON_COSINE } from '@understudy/face/track';
import { likeness, type Template } from './template.js';

export interface PlanTrack {
  readonly track: number;
  /** `[startFrame, endFrame)`. */
  readonly startFrame: number;
  readonly endFrame: number;
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
  const owners = ownersOf(
    tracks,
    members.map((member) => ({ id: String(member.cast), templates: known(member) })),
  );
  return members.map((member) => {
    const mine = nameless.includes(member)
      ? onlyPerson(tracks)
      : tracks.filter(({ track }) => owners.get(track) === String(member.cast));
    if (mine.length === 0) throw notFound(tracks, member);
    requireConsented(mine, member);
    return { cast: member.cast, tracks: mine.map(({ track }) => track), verified: member.enrolled.length > 0 };
  });
}

const known = ({ references, enrolled }: PlanMember): Template[] => [...references, ...enrolled];

/** A reference must show the performer whose consent covers this face, where the performer's face is enrolled. */
function requireConsistent({ cast, references, enrolled }: PlanMember): void {
  if (enrolled.length === 0) return;
  const cosines = references.map((reference) => likeness(reference, enrolled));
  if (cosines.every((value) => value >= SAME_PERSON_COSINE)) return;
  throw new UnderstudyError(
    'IDENTITY_MISMATCH',
    `A plate reference of cast member ${cast} does not show the performer who consented; give another image.`,
    { details: { cast, role: 'plate', cosine: rounded(Math.min(...cosines)) } },
  );
}

/** Where each track is and how like the face that is meant it is: for whoever has to look at the frames. */
const shown = (tracks: readonly PlanTrack[], templates: readonly Template[]) =>
  tracks.map(({ track, startFrame, endFrame, template }) => ({
    track,
    startFrame,
    endFrame,
    cosine: template === null ? null : rounded(likeness(template, templates)),
  }));

/**
 * A track that was told by a reference must show the performer whose consent covers it: a reference that is like both says
 * nothing about them being one.
 */
function requireConsented(mine: readonly PlanTrack[], { cast, enrolled }: PlanMember): void {
  if (enrolled.length === 0) return;
  const strangers = mine.filter(
    ({ template }) => template !== null && likeness(template, enrolled) < SAME_PERSON_COSINE,
  );
  if (strangers.length === 0) return;
  throw new UnderstudyError(
    'IDENTITY_MISMATCH',
    `Tracks that cast member ${cast} would cover do not show the performer who consented; look at these frames.`,
    { details: { cast, role: 'plate', tracks: shown(strangers, enrolled) } },
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

/** Whose face each track shows, by id; nobody is in two places at once, so of two tracks in one frame the likelier counts. */
function ownersOf(
  tracks: readonly PlanTrack[],
  faces: readonly { id: string; templates: readonly Template[] }[],
): Map<number, string | null> {
  // Tracks of one analysis were all read by one model; what another read cannot tell whose they are.
  const recognisers = new Set(tracks.map(({ template }) => template?.recogniser));
  const references = faces.flatMap(({ id, templates }) =>
    templates.filter(({ recogniser }) => recognisers.has(recogniser)).map(({ embedding }) => ({ id, embedding })),
  );
  const compared = tracks.map(({ template, ...track }) => ({
    ...track,
    faces: [],
    uncertainFrames: [],
    embedding: template === null ? null : Array.from(template.embedding),
  }));
  return new Map(matchTracks(compared, references).map(({ track, reference }) => [track, reference]));
}

function notFound(tracks: readonly PlanTrack[], member: PlanMember): UnderstudyError {
  const cosines = tracks.map(({ template }) => (template === null ? -1 : likeness(template, known(member))));
  return new UnderstudyError(
    'PLATE_FACE_NOT_FOUND',
    `The face that cast member ${member.cast} covers is not in the plate; check the plate and the reference image.`,
    { details: { cast: member.cast, bestCosine: rounded(Math.max(...cosines)), tracks: shown(tracks, known(member)) } },
  );
}

/**
 * Groups tracks by likeness. A track too short for its identity to be measured counts as a person only where there is
 * no other: nothing says whose it is, and it stays as it was filmed.
 */
export function peopleOf(tracks: readonly PlanTrack[]): PlanTrack[][] {
  const people: PlanTrack[][] = [];
  for (const track of tracks) {
    const { template } = track;
    if (template === null) continue;
    const person = people.find((others) => likeness(template, others.flatMap(templatesOf)) >= SAME_PERSON_COSINE);
    if (person === undefined) people.push([track]);
    else person.push(track);
  }
  return people.length > 0 ? people : tracks.map((track) => [track]);
}

const templatesOf = ({ template }: PlanTrack): Template[] => (template === null ? [] : [template]);

function onlyPerson(tracks: readonly PlanTrack[]): readonly PlanTrack[] {
  return peopleOf(tracks)[0] ?? [];
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/**
 * Tracks that de-identification covers: all but those that show a face to keep. A track that can't be compared is
 * covered.
 */
export function tracksToAnonymise(tracks: readonly PlanTrack[], keep: readonly Template[]): number[] {
  const owners = ownersOf(
    tracks,
    keep.map((template, index) => ({ id: String(index), templates: [template] })),
  );
  return tracks.filter(({ track }) => owners.get(track) === null).map(({ track }) => track);
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
    if (value >= SAME_PERSON_COSINE) continue;
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
