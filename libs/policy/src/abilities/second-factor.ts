import type { Action, SubjectName } from './vocabulary.js';

/** What lets work out of the farm, or gives somebody the right to: a stolen password alone must not be enough for it. */
const ACTS: Partial<Record<SubjectName, readonly Action[]>> = {
  AuditErasure: ['create', 'activate'],
  BreakGlass: ['grant'],
  Consent: ['activate', 'lift'],
  Delivery: ['release'],
  Invitation: ['create'],
  KeyDestruction: ['create', 'activate'],
  Membership: ['grant'],
  ModelPack: ['activate'],
  // Somebody's face, their consents, and their signature.
  Portal: ['read', 'view', 'revoke', 'sign', 'secure'],
  RestoreAcceptance: ['create', 'activate'],
  RoleRequest: ['grant'],
  User: ['create'],
  Worker: ['create', 'activate', 'share'],
};

/** Whether an act asks for a second factor, on a farm that wants one for acts that release or grant. */
export function asksForSecondFactor(action: Action, subject: SubjectName): boolean {
  return ACTS[subject]?.includes(action) ?? false;
}
