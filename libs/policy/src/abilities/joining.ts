import { anywhere, type SubjectRules } from './grant.js';

/** Asking for a role is granting one; giving what another asked for is an act of its own. */
export const roleRequestRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('org_admin'), ['read', 'grant', 'decline'], 'RoleRequest');

export const invitationRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('org_admin'), ['read', 'create', 'revoke'], 'Invitation');
