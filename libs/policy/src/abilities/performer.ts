import { PROJECT_ROLES } from '@understudy/contracts';
import { inProjects, type SubjectRules } from './grant.js';

export const performerRules: SubjectRules = (actor) => inProjects(actor, PROJECT_ROLES, ['read'], 'Performer');
