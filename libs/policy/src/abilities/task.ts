import { PROJECT_ROLES } from '@understudy/contracts';
import { anywhere, inProjects, type SubjectRules } from './grant.js';

export const taskRules: SubjectRules = (actor) => [
  ...inProjects(actor, PROJECT_ROLES, ['read'], 'Task', (projects) => ({
    shotVersion: { is: { shot: { is: { projectId: projects } } } },
  })),
  ...anywhere(actor.farmRoles.includes('farm_operator'), ['read'], 'Task'),
];
