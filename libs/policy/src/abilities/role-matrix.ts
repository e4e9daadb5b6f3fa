import { FARM_ROLES, PROJECT_ROLES } from '@understudy/contracts';
import { rulesOf } from './ability.js';
import type { ActorRoles } from './actor.js';

/** What a role allows, read off the rules themselves. */
export interface RoleAbilities {
  readonly role: string;
  readonly may: readonly {
    readonly subject: string;
    readonly actions: readonly string[];
    /** `every` row, or rows under a condition: of one's project, of oneself, or as the condition says. */
    readonly of: string;
  }[];
}

const PROJECT = 'the project';
const SELF = 'oneself';

function roleAbilities(role: string, actor: ActorRoles): RoleAbilities {
  const may = rulesOf(actor).map(({ subject, action, conditions }) => ({
    subject,
    actions: action,
    of: conditions === undefined ? 'every' : JSON.stringify(conditions),
  }));
  return { role, may };
}

/** Every role alone, as plain data: for whoever reviews who may do what. */
export function roleMatrix(): RoleAbilities[] {
  const user = { kind: 'user' as const, id: SELF, farmRoles: [], memberships: [] };
  return [
    roleAbilities('nobody yet', user),
    ...FARM_ROLES.map((role) => roleAbilities(role, { ...user, farmRoles: [role] })),
    ...PROJECT_ROLES.map((role) => roleAbilities(role, { ...user, memberships: [{ projectId: PROJECT, role }] })),
    roleAbilities('performer', { ...user, performers: ['the performer'] }),
    roleAbilities('worker', { ...user, kind: 'worker' }),
  ];
}
