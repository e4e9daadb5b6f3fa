import { anywhere, inProjects, projectsAs, type SubjectRules } from './grant.js';

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

/**
 * What people typed is erased by two: consent officers in their projects, org admins, who see of it how much it is and not what,
 * anywhere.
 */
export const auditErasureRules: SubjectRules = (actor) => [
  ...inProjects(actor, ['consent_officer'], ['read', 'create', 'activate', 'decline'], 'AuditErasure'),
  ...anywhere(actor.farmRoles.includes('org_admin'), ['read', 'create', 'activate', 'decline'], 'AuditErasure'),
];

/** An org admin and a compliance auditor, one after the other: the one act of somebody who otherwise only reads. */
export const restoreAcceptanceRules: SubjectRules = (actor) =>
  anywhere(
    actor.farmRoles.includes('org_admin') || projectsAs(actor, ['compliance_auditor']).length > 0,
    ['read', 'create', 'activate'],
    'RestoreAcceptance',
  );
