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

/**
 * A project's end takes two of those who answer for it: its producers, its consent officers, org admins. Its auditors see who
 * asked.
 */
export const keyDestructionRules: SubjectRules = (actor) => [
  ...inProjects(actor, ['producer', 'consent_officer'], ['read', 'create', 'activate', 'decline'], 'KeyDestruction'),
  ...inProjects(actor, ['compliance_auditor'], ['read'], 'KeyDestruction'),
  ...anywhere(actor.farmRoles.includes('org_admin'), ['read', 'create', 'activate', 'decline'], 'KeyDestruction'),
];
