import { PROJECT_ROLES, type ProjectRole } from '@understudy/contracts';
import type { ActorRoles } from './actor.js';
import { inProjects, type Rule, type SubjectRules } from './grant.js';
import type { Action } from './vocabulary.js';

const deliveries = (actor: ActorRoles, roles: readonly ProjectRole[], actions: Action[]): Rule[] =>
  inProjects(actor, roles, actions, 'Delivery', (projects) => ({
    shotVersion: { is: { shot: { is: { projectId: projects } } } },
  }));

/** Whether a delivery's state lets it out is not decided here. */
export const deliveryRules: SubjectRules = (actor) => [
  ...deliveries(actor, PROJECT_ROLES, ['read']),
  ...deliveries(actor, ['producer', 'artist'], ['download']),
  ...deliveries(actor, ['producer'], ['release']),
];
