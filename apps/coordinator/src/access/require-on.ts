import { UnderstudyError } from '@understudy/contracts';
import { type Action, asSubject, type SubjectName } from '@understudy/policy';
import type { Actor } from './actor.js';

/** The answer for a row that is not there and for one that is not the actor's: the two are told apart by nobody. */
export function notFound(what: string): UnderstudyError {
  return new UnderstudyError('NOT_FOUND', `There is no such ${what}, or it is not yours to see.`);
}

/** Refuses, as NOT_FOUND, what the actor may not do to a row that is at hand or about to be made. */
export function requireOn(actor: Actor, action: Action, name: SubjectName, row: Record<string, unknown>): void {
  if (actor.ability.cannot(action, asSubject(name, row))) throw notFound(name.toLowerCase());
}
