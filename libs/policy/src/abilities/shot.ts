import { PROJECT_ROLES } from '@understudy/contracts';
import { anywhere, inProjects, type SubjectRules } from './grant.js';

/** A farm operator sees and orders the queue, and may take a shot out of it, but sees no pixels. */
export const shotRules: SubjectRules = (actor) => [
  ...inProjects(actor, PROJECT_ROLES, ['read', 'view'], 'Shot'),
  ...inProjects(
    actor,
    ['producer', 'artist'],
    ['create', 'cancel', 'resume', 'pause', 'prioritise', 'retry', 'inspect'],
    'Shot',
  ),
  ...anywhere(
    actor.farmRoles.includes('farm_operator'),
    ['read', 'cancel', 'pause', 'prioritise', 'retry', 'inspect'],
    'Shot',
  ),
];
