import { anywhere, type SubjectRules } from './grant.js';

/** Roles are given and taken by those who hold none of the content's. */
export const membershipRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('org_admin'), ['grant', 'revoke'], 'Membership');
