import type { Action, SubjectName } from './vocabulary.js';

/** What would let a break-glass account outlive its hour, or its seal. */
const NEVER: Partial<Record<SubjectName, readonly Action[]>> = { Session: ['secure'], Token: ['create'] };

/** Whether an act is none of a break-glass account's, whatever its roles. */
export function isBeyondBreakGlass(action: Action, subject: SubjectName): boolean {
  return NEVER[subject]?.includes(action) ?? false;
}
