import {
  castOperations,
  type ConsentRole,
  type Recipe,
  replacesFaces,
  type SubmitShot,
  UnderstudyError,
} from '@understudy/contracts';
import { type ConsentFacts, type ConsentRequest, evaluateConsent } from '@understudy/policy';
import type { z } from 'zod';

type Submission = z.output<typeof SubmitShot>;

/**
 * What a request must hold together by itself, before anything is looked up.
 *
 * @throws UnderstudyError INVALID_REQUEST, BASIS_REQUIRED
 */
export function requireCoherent({ recipe, cast, keepAssetIds, matteAssetId, basis }: Submission): void {
  const types = new Set(recipe.processors.map(({ type }) => type));
  if (types.size < recipe.processors.length) {
    throw new UnderstudyError('INVALID_REQUEST', 'A recipe names each processor once.');
  }
  if (castOperations(recipe).length > 0 !== cast.length > 0) {
    throw new UnderstudyError(
      'INVALID_REQUEST',
      'A recipe that replaces or restores faces needs a cast, and only such a recipe has one.',
    );
  }
  requireOneFace(recipe, cast);
  requireMembers(recipe, cast.length);
  if (types.has('anonymise') && basis === undefined) {
    throw new UnderstudyError('BASIS_REQUIRED', 'Say on what ground people are de-identified (basis).');
  }
  if (!types.has('anonymise') && keepAssetIds.length > 0) {
    throw new UnderstudyError('INVALID_REQUEST', 'Faces to keep belong to an anonymise recipe.');
  }
  if (types.has('anonymise') && matteAssetId !== undefined) {
    throw new UnderstudyError(
      'INVALID_REQUEST',
      'A matte puts the plate back where it is black, and with it the faces that anonymise covers: submit without one.',
    );
  }
  const pairs = new Set(cast.map(({ platePerformerId }) => platePerformerId));
  if (pairs.size < cast.length) {
    throw new UnderstudyError('INVALID_REQUEST', 'A plate performer can be covered by one cast member alone.');
  }
}

/** One step writes the cast's faces; where none does, each member stays who they are. */
function requireOneFace(recipe: Recipe, cast: Submission['cast']): void {
  const replacing = recipe.processors.filter(({ type }) => type === 'replace' || type === 'swap');
  if (replacing.length > 1) {
    throw new UnderstudyError('INVALID_REQUEST', 'A face is replaced once: name either replace or swap.');
  }
  const restoreFirst = recipe.processors.findIndex(({ type }) => type === 'restore');
  if (restoreFirst >= 0 && recipe.processors.slice(restoreFirst).some((one) => replacing.includes(one))) {
    throw new UnderstudyError('INVALID_REQUEST', 'A face is restored after it was replaced: name restore later.');
  }
  if (!replacesFaces(recipe) && cast.some((member) => member.platePerformerId !== member.identityPerformerId)) {
    throw new UnderstudyError(
      'INVALID_REQUEST',
      'A recipe that replaces nobody names the same performer on both sides of a cast member.',
    );
  }
}

/** Overrides name members that there are. @throws UnderstudyError INVALID_REQUEST */
export function requireMembers(recipe: Recipe, members: number): void {
  for (const { type, overrides } of recipe.processors.filter((one) => one.type !== 'anonymise')) {
    const missing = overrides?.flatMap(({ cast }) => cast ?? []).find((number) => number >= members);
    if (missing === undefined) continue;
    throw new UnderstudyError(
      'INVALID_REQUEST',
      `An override of ${type} is for member ${missing}, and the cast's are numbered 0 to ${members - 1}.`,
    );
  }
}

/** Overrides lie on frames that the plate has. @throws UnderstudyError INVALID_REQUEST */
export function requireFrames(recipe: Recipe, frames: number | null): void {
  if (frames === null) return;
  for (const { type, overrides } of recipe.processors) {
    const beyond = overrides?.flatMap(({ frames: range }) => range ?? []).find(({ endFrame }) => endFrame > frames);
    if (beyond === undefined) continue;
    throw new UnderstudyError(
      'INVALID_REQUEST',
      `An override of ${type} is for frames ${beyond.startFrame}-${beyond.endFrame}, and the plate has ${frames}.`,
    );
  }
}

/** A consent with when it came: candidates are given newest first. */
export type Candidate = ConsentFacts;

const TERMINAL = new Set(['revoked', 'expired', 'superseded', 'declined', 'lapsed']);

/**
 * The consent to pin for one side of a cast member: the newest that covers the request; else the newest that is still
 * alive, and else the newest of all, so that the refusal says what is wrong with it. Null where the performer gave none.
 */
export function consentFor(
  candidates: readonly Candidate[],
  request: ConsentRequest & { readonly role: ConsentRole },
  now: Date,
): Candidate | null {
  const given = candidates.filter(
    ({ performerId, role }) => performerId === request.performerId && role === request.role,
  );
  return (
    given.find((consent) => evaluateConsent(consent, request, now).length === 0) ??
    given.find(({ state }) => !TERMINAL.has(state)) ??
    given[0] ??
    null
  );
}
