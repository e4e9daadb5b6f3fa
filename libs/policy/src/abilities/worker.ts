import { anywhere, type SubjectRules } from './grant.js';

export const workerRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('farm_operator'), ['read', 'create'], 'Worker');
