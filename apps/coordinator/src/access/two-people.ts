import { UnderstudyError } from '@understudy/contracts';
import { type Action, asSubject, type SubjectName } from '@understudy/policy';
import type { Actor } from './actor.js';
import { notFound } from './require-on.js';

/** What one person asked for and another decides. */
export interface AskedByOne {
  projectId: string | null;
  askedBy: string;
  /** Neither decided nor run out. */
  isWaiting: boolean;
}

/**
 * The request, once it is sure that this person may decide it: declining is free to everybody who might approve, approving
 * (`activate`) to everybody of them but who asked.
 *
 * @param what - what people call it, in the answers
 * @throws UnderstudyError NOT_FOUND, CONFLICT when it is decided or over, FORBIDDEN for who asked
 */
export function toDecide<Request extends AskedByOne>(
  actor: Actor,
  request: Request | undefined,
  { action, subject, what }: { action: Extract<Action, 'activate' | 'decline'>; subject: SubjectName; what: string },
): Request {
  if (request === undefined || actor.ability.cannot(action, asSubject(subject, { projectId: request.projectId }))) {
    throw notFound(what);
  }
  if (!request.isWaiting) throw new UnderstudyError('CONFLICT', 'This was decided, or ran out; ask for it anew.');
  if (action === 'activate' && request.askedBy === actor.id) {
    throw new UnderstudyError('FORBIDDEN', 'Another person approves it than who asked for it.');
  }
  return request;
}
