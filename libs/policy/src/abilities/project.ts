import { PROJECT_ROLES } from '@understudy/contracts';
import { anywhere, inProjects, type SubjectRules } from './grant.js';

/** An org admin sees that a project exists, never what is in it. */
export const projectRules: SubjectRules = (actor) => [
  ...anywhere(actor.farmRoles.includes('org_admin'), ['read', 'create'], 'Project'),
  ...anywhere(
    actor.farmRoles.some((role) => role === 'org_admin' || role === 'farm_operator'),
    ['share'],
    'Project',
  ),
  ...inProjects(actor, PROJECT_ROLES, ['read'], 'Project', (projects) => ({ id: projects })),
];
