import { type ConsentDocument, type ConsentParty, type ConsentRole, UnderstudyError } from '@understudy/contracts';
import type { LocalFile } from './upload.js';

/** One replacement as asked for: an identity, and the plate face it covers where there are several. */
export interface CastRequest {
  readonly identities: readonly LocalFile[];
  /** Null when the plate holds one person. */
  readonly plateFace: LocalFile | null;
}

export interface CastParties {
  readonly identity: string;
  readonly plate: string;
}

/** Reads the one face of an image; 512 numbers of unit length. */
export type FaceReader = (path: string) => Promise<Float32Array>;

/** Cosine above which two templates are the same person: every pair of a public set of 300 was told right by it. */
export const SAME_PERSON_COSINE = 0.34;

/**
 * Finds out, for each replacement, whom the consent documents speak of: by the image's hash, by being the only one, or
 * by the face in it. The farm checks the faces again.
 *
 * @throws UnderstudyError CONSENT_REQUIRED when nobody in the documents fits, IDENTITY_MISMATCH when the face is another.
 */
export async function castParties(
  documents: readonly ConsentDocument[],
  casts: readonly CastRequest[],
  readFace: FaceReader,
): Promise<CastParties[]> {
  const parties = documents.flatMap((document) => document.statement.parties);
  const found: CastParties[] = [];
  for (const cast of casts) {
    const identity = await partyOf(parties, 'identity', cast.identities[0] ?? null, readFace);
    const plate = await partyOf(parties, 'plate', cast.plateFace, readFace);
    found.push({ identity: identity.performer, plate: plate.performer });
  }
  return found;
}

async function partyOf(
  parties: readonly ConsentParty[],
  role: ConsentRole,
  image: LocalFile | null,
  readFace: FaceReader,
): Promise<ConsentParty> {
  const candidates = parties.filter((party) => party.role === role);
  const byHash = candidates.find((party) => party.faces.some((face) => face.sha256 === image?.sha256));
  if (byHash !== undefined) return byHash;
  const [first, second] = candidates;
  if (first === undefined) throw missing(role);
  if (second === undefined) return first;
  if (image === null) {
    throw new UnderstudyError(
      'AMBIGUOUS_FACE',
      'the consents name several people in the plate; say who is meant with --plate-face or --cast',
    );
  }
  const template = await readFace(image.path);
  const ranked = candidates
    .map((party) => ({
      party,
      likeness: Math.max(-1, ...party.faces.map((face) => cosine(template, decode(face.template)))),
    }))
    .sort((left, right) => right.likeness - left.likeness);
  const best = ranked[0];
  if (best === undefined || best.likeness < SAME_PERSON_COSINE) {
    throw new UnderstudyError('IDENTITY_MISMATCH', `the face in ${image.path} is nobody that the consents speak of`);
  }
  return best.party;
}

function missing(role: ConsentRole): UnderstudyError {
  const message =
    role === 'identity'
      ? 'no consent of the person whose face is to appear was given; add one with --consent (understudy consent new makes it)'
      : 'no consent of the person in the plate was given; make one with: understudy consent new ... --plate-performer NAME';
  return new UnderstudyError('CONSENT_REQUIRED', message, { details: { role } });
}

function decode(template: string): Float32Array {
  const bytes = Buffer.from(template, 'base64');
  return new Float32Array(new Uint8Array(bytes).buffer);
}

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
