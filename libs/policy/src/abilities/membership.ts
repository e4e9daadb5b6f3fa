import { anywhere, type SubjectRules } from './grant.js';

/** Roles are given by those who hold none of the content's. */
export const membershipRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('org_admin'), ['grant'], 'Membership');
