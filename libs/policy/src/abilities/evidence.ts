import { inProjects, type SubjectRules } from './grant.js';

/** What an assessor is handed of a project: for whoever reads everything of it and writes nothing. */
export const evidenceRules: SubjectRules = (actor) => inProjects(actor, ['compliance_auditor'], ['read'], 'Evidence');
