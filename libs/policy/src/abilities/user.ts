import { anywhere, type SubjectRules } from './grant.js';

export const userRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('org_admin'), ['read', 'create', 'revoke'], 'User');
