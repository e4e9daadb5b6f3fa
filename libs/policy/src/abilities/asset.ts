import { inProjects, type SubjectRules } from './grant.js';

export const assetRules: SubjectRules = (actor) => [
  ...inProjects(actor, ['producer', 'artist'], ['read', 'create', 'upload'], 'Asset'),
  ...inProjects(actor, ['compliance_auditor'], ['read'], 'Asset'),
];
