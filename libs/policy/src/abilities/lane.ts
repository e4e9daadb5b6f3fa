import { anywhere, type SubjectRules } from './grant.js';

/** Lanes belong to the worker that registered them; no person leases. A farm operator says which of them take work. */
export const laneRules: SubjectRules = (actor) =>
  actor.kind === 'worker'
    ? [{ action: ['register', 'lease'], subject: 'Lane', conditions: { workerId: actor.id } }]
    : anywhere(actor.farmRoles.includes('farm_operator'), ['operate'], 'Lane');
