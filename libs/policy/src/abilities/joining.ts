import { FARM_ROLES, PROJECT_ROLES } from '@understudy/contracts';
import { anywhere, inProjects, type SubjectRules } from './grant.js';

/**
 * Asking for a role is granting one; giving what another asked for is an act of its own. Who invites somebody to be a
 * performer is an org admin; that they are, whoever answers for the performers' papers says.
 */
export const roleRequestRules: SubjectRules = (actor) => {
  const isAdmin = actor.farmRoles.includes('org_admin');
  return [
    ...anywhere(isAdmin, ['read', 'decline'], 'RoleRequest'),
    ...(isAdmin
      ? [
          {
            action: ['grant' as const],
            subject: 'RoleRequest' as const,
            conditions: { role: { in: [...FARM_ROLES, ...PROJECT_ROLES] } },
          },
        ]
      : []),
    ...inProjects(actor, ['consent_officer'], ['read', 'grant', 'decline'], 'RoleRequest', (projectId) => ({
      projectId,
      role: 'performer',
    })),
  ];
};

export const invitationRules: SubjectRules = (actor) =>
  anywhere(actor.farmRoles.includes('org_admin'), ['read', 'create', 'revoke'], 'Invitation');
