import type { SubjectRules } from './grant.js';

/** Lanes belong to the worker that registered them; no person leases. */
export const laneRules: SubjectRules = (actor) =>
  actor.kind === 'worker'
    ? [{ action: ['register', 'lease'], subject: 'Lane', conditions: { workerId: actor.id } }]
    : [];
