import { cosine, SAME_PERSON_COSINE } from '@understudy/face/track';

/** A face as enrolled or about to be: 512 numbers of unit length, and the model that gave them. */
export interface EnrolledFace {
  readonly performer: string;
  readonly sha256: string;
  readonly recogniser: string;
  readonly embedding: Float32Array;
}

export interface FaceConflict {
  readonly kind: 'enrolled-under-another-name' | 'not-this-performer';
  readonly sha256: string;
  readonly performer: string;
}

/** Numbers of two models say nothing about each other. */
function samePerson(left: EnrolledFace, right: EnrolledFace): boolean {
  return left.recogniser === right.recogniser && cosine(left.embedding, right.embedding) >= SAME_PERSON_COSINE;
}

/**
 * Why a set of new faces cannot be enrolled: one of them is known under another performer's name, or one is a stranger to
 * every other face of its own performer, enrolled or new.
 *
 * @returns the first conflict, or null
 */
export function findFaceConflict(
  news: readonly EnrolledFace[],
  enrolled: readonly EnrolledFace[],
): FaceConflict | null {
  const everybody = [...enrolled, ...news];
  for (const face of news) {
    const { sha256, performer } = face;
    const other = everybody.find((known) => known.performer !== performer && samePerson(face, known));
    if (other !== undefined) return { kind: 'enrolled-under-another-name', sha256, performer: other.performer };
    const own = everybody.filter(
      (known) => known !== face && known.performer === performer && known.recogniser === face.recogniser,
    );
    if (own.length > 0 && !own.some((known) => samePerson(face, known))) {
      return { kind: 'not-this-performer', sha256, performer };
    }
  }
  return null;
}
