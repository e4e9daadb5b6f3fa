import { anywhere, type SubjectRules } from './grant.js';

/** Numbers about the whole farm, by ids alone: for whoever runs it, and for a monitor by a token of theirs. */
export const metricsRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('farm_operator'), ['read'], 'Metrics');
