import type { FarmRole, ProjectRole } from '@understudy/contracts';
import { describe, expect, it } from 'vitest';
import { abilityOf, asSubject, rulesOf } from './ability.js';
import type { ActorRoles } from './actor.js';
import { ACTIONS, type SubjectName, SUBJECTS } from './vocabulary.js';

const [MINE, THEIRS, ME] = ['project-mine', 'project-theirs', 'me'];
const FARM_ROLES: readonly string[] = ['org_admin', 'farm_operator'];

type Who = FarmRole | ProjectRole | 'nobody' | 'performer' | 'worker';
function actorAs(who: Who): ActorRoles {
  return {
    kind: who === 'worker' ? 'worker' : 'user',
    id: ME,
    farmRoles: FARM_ROLES.includes(who) ? [who as FarmRole] : [],
    memberships:
      FARM_ROLES.includes(who) || who === 'worker' || who === 'nobody' || who === 'performer'
        ? []
        : [{ projectId: MINE, role: who as ProjectRole }],
    performers: who === 'performer' ? [ME] : [],
  };
}
const abilityAs = (who: Who) => abilityOf(rulesOf(actorAs(who)));

const SELF = ['read Session', 'revoke Session', 'secure Session', 'create Token', 'read Token', 'revoke Token'];
const MEMBER = [
  ...SELF,
  'read AuditCheckpoint',
  'read ModelPack',
  'read Project',
  'read Performer',
  'read Consent',
  'read Shot',
  'view Shot',
  'read Task',
  'read Delivery',
];
const MAKER = [
  ...MEMBER,
  'read Asset',
  'create Asset',
  'upload Asset',
  'read FaceTemplate',
  'create FaceTemplate',
  'create Shot',
  'cancel Shot',
  'resume Shot',
  'pause Shot',
  'prioritise Shot',
  'retry Shot',
  'inspect Shot',
  'download Delivery',
];
const ENDS = ['read KeyDestruction', 'create KeyDestruction', 'activate KeyDestruction', 'decline KeyDestruction'];
const STOPS = ['create Consent', 'suspend Consent', 'hold Consent', 'revoke Consent'];

/** Everything that a role may do somewhere. What is not here is denied. */
const TABLE: Record<Who, readonly string[]> = {
  nobody: SELF,
  org_admin: [
    ...SELF,
    ...ENDS,
    'read AuditCheckpoint',
    'read AuditEvent',
    'read AuditErasure',
    'create AuditErasure',
    'activate AuditErasure',
    'decline AuditErasure',
    'read RestoreAcceptance',
    'create RestoreAcceptance',
    'activate RestoreAcceptance',
    'read ModelPack',
    'activate ModelPack',
    'read User',
    'create User',
    'read Project',
    'create Project',
    'share Project',
    'grant Membership',
    'create Invitation',
    'read Invitation',
    'revoke Invitation',
    'decline RoleRequest',
    'grant RoleRequest',
    'read RoleRequest',
    'grant BreakGlass',
    'read BreakGlass',
    'revoke Membership',
    'revoke User',
    'read Worker',
    'activate Worker',
  ],
  farm_operator: [
    ...SELF,
    'read AuditCheckpoint',
    'read ModelPack',
    'create ModelPack',
    'activate ModelPack',
    'read Worker',
    'create Worker',
    'activate Worker',
    'revoke Worker',
    'share Worker',
    'read Shot',
    'cancel Shot',
    'pause Shot',
    'prioritise Shot',
    'retry Shot',
    'inspect Shot',
    'read Task',
    'operate Lane',
    'share Project',
    'read Metrics',
  ],
  producer: [
    ...MAKER,
    ...STOPS,
    ...ENDS,
    'release Delivery',
    'read Webhook',
    'create Webhook',
    'revoke Webhook',
    'resume Webhook',
  ],
  artist: MAKER,
  consent_officer: [
    ...MEMBER,
    ...STOPS,
    ...ENDS,
    'activate Consent',
    'decline Consent',
    'lift Consent',
    'read AuditEvent',
    'decline RoleRequest',
    'grant RoleRequest',
    'read RoleRequest',
    'read AuditErasure',
    'create AuditErasure',
    'activate AuditErasure',
    'decline AuditErasure',
  ],
  compliance_auditor: [
    ...MEMBER,
    'read Asset',
    'read FaceTemplate',
    'read AuditEvent',
    'read Evidence',
    'read KeyDestruction',
    'read RestoreAcceptance',
    'create RestoreAcceptance',
    'activate RestoreAcceptance',
  ],
  performer: [...SELF, 'read Portal', 'view Portal', 'revoke Portal', 'sign Portal', 'secure Portal'],
  worker: ['join Worker', 'register Lane', 'lease Lane', 'report Attempt', 'upload Attempt'],
};
const ROLES = Object.keys(TABLE) as Who[];

describe('what each role may do', () => {
  it.each(ROLES)('%s: exactly its table', (who) => {
    const ability = abilityAs(who);
    const allowed = SUBJECTS.flatMap((subject) =>
      ACTIONS.filter((action) => ability.can(action, subject)).map((action) => `${action} ${subject}`),
    );
    expect(allowed.sort()).toEqual([...TABLE[who]].sort());
  });
});

describe('whose rows', () => {
  const rowOf: Partial<Record<SubjectName, (projectId: string) => Record<string, unknown>>> = {
    Project: (id) => ({ id }),
    Performer: (projectId) => ({ projectId }),
    Consent: (projectId) => ({ projectId }),
    Asset: (projectId) => ({ projectId }),
    FaceTemplate: (projectId) => ({ asset: { projectId } }),
    Shot: (projectId) => ({ projectId }),
    Task: (projectId) => ({ shotVersion: { shot: { projectId } } }),
    Delivery: (projectId) => ({ shotVersion: { shot: { projectId } } }),
    AuditEvent: (projectId) => ({ projectId }),
    AuditErasure: (projectId) => ({ projectId }),
    KeyDestruction: (projectId) => ({ projectId }),
    RoleRequest: (projectId) => ({ projectId, role: 'performer' }),
  };
  const members: Who[] = ['producer', 'artist', 'consent_officer', 'compliance_auditor'];

  it.each(members)('a %s has nothing of another project', (who) => {
    const ability = abilityAs(who);
    for (const [name, row] of Object.entries(rowOf) as [SubjectName, (id: string) => Record<string, unknown>][]) {
      for (const action of ACTIONS.filter((action) => ability.can(action, name))) {
        expect(ability.can(action, asSubject(name, row(MINE))), `${action} ${name} of one's own`).toBe(true);
        expect(ability.can(action, asSubject(name, row(THEIRS))), `${action} ${name} of another`).toBe(false);
        expect(ability.can(action, asSubject(name, {})), `${action} ${name} of nobody`).toBe(false);
      }
    }
  });

  it('a role in one project is no role in another where one has another role', () => {
    const memberships = [
      { projectId: MINE, role: 'producer' as const },
      { projectId: THEIRS, role: 'compliance_auditor' as const },
    ];
    const ability = abilityOf(rulesOf({ ...actorAs('nobody'), memberships }));
    expect(ability.can('create', asSubject('Shot', { projectId: MINE }))).toBe(true);
    expect(ability.can('create', asSubject('Shot', { projectId: THEIRS }))).toBe(false);
    expect(ability.can('read', asSubject('Shot', { projectId: THEIRS }))).toBe(true);
  });

  it.each([
    ['sign', 'Portal', { performerId: ME }, { performerId: 'another' }, 'performer'],
    ['read', 'Token', { userId: ME }, { userId: 'another' }, 'nobody'],
    ['lease', 'Lane', { workerId: ME }, { workerId: 'another' }, 'worker'],
    ['report', 'Attempt', { lane: { workerId: ME } }, { lane: { workerId: 'another' } }, 'worker'],
    ['read', 'AuditEvent', { projectId: null }, { projectId: MINE }, 'org_admin'],
    ['grant', 'RoleRequest', { role: 'producer' }, { role: 'performer' }, 'org_admin'],
    [
      'grant',
      'RoleRequest',
      { projectId: MINE, role: 'performer' },
      { projectId: MINE, role: 'producer' },
      'consent_officer',
    ],
  ] as const)('%s %s: %j, not %j', (action, name, own, other, who) => {
    const ability = abilityAs(who);
    expect(ability.can(action, asSubject(name, own))).toBe(true);
    expect(ability.can(action, asSubject(name, other))).toBe(false);
  });
});

it('refuses to build a rule out of an undefined id, which a query would read as everybody', () => {
  const nameless = { ...actorAs('worker'), id: undefined as unknown as string };
  expect(() => rulesOf(nameless)).toThrow(TypeError);
});
