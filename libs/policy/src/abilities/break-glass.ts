import { anywhere, type SubjectRules } from './grant.js';
import type { Action, SubjectName } from './vocabulary.js';

export const breakGlassRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('org_admin'), ['read', 'grant'], 'BreakGlass');

/** What would let a break-glass account outlive its hour, or its seal. */
const NEVER: Partial<Record<SubjectName, readonly Action[]>> = { Session: ['secure'], Token: ['create'] };

/** Whether an act is none of a break-glass account's, whatever its roles. */
export function isBeyondBreakGlass(action: Action, subject: SubjectName): boolean {
  return NEVER[subject]?.includes(action) ?? false;
}
