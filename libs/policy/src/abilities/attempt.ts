import type { SubjectRules } from './grant.js';

/** A worker speaks for the attempts of its own lanes. */
export const attemptRules: SubjectRules = (actor) =>
  actor.kind === 'worker'
    ? [{ action: ['report', 'upload'], subject: 'Attempt', conditions: { lane: { is: { workerId: actor.id } } } }]
    : [];
