import { anywhere, inProjects, type SubjectRules } from './grant.js';

/** What happened to people and machines of the farm, outside any project, is the org admin's to see. */
export const auditEventRules: SubjectRules = (actor) => [
  ...inProjects(actor, ['compliance_auditor', 'consent_officer'], ['read'], 'AuditEvent'),
  ...(actor.farmRoles.includes('org_admin')
    ? [{ action: ['read' as const], subject: 'AuditEvent' as const, conditions: { projectId: null } }]
    : []),
];

/** Size and root of the log tell nothing of its content; whoever has a role may keep them outside the farm. */
export const auditCheckpointRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.length > 0 || actor.memberships.length > 0, ['read'], 'AuditCheckpoint');
