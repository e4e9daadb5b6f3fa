import { anywhere, inProjects, type SubjectRules } from './grant.js';

export const auditEventRules: SubjectRules = (actor) =>
  inProjects(actor, ['compliance_auditor', 'consent_officer'], ['read'], 'AuditEvent');

/** Size and root of the log tell nothing of its content; whoever has a role may keep them outside the farm. */
export const auditCheckpointRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.length > 0 || actor.memberships.length > 0, ['read'], 'AuditCheckpoint');
