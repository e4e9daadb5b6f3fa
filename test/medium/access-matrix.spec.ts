import { randomUUID } from 'node:crypto';
import { CONTENT_ROUTES, type FarmRole, PROJECT_ROLES, ROUTES, type RouteName } from '@understudy/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCoordinator } from './coordinator.js';

/** Everybody who could knock. `stranger` is signed in and has no role; `anonymous` is not signed in. */
const WHO = ['anonymous', 'stranger', 'org_admin', 'farm_operator', ...PROJECT_ROLES, 'worker'] as const;
type Who = (typeof WHO)[number];

const PEOPLE: Who[] = ['stranger', 'org_admin', 'farm_operator', ...PROJECT_ROLES];
const MEMBERS: Who[] = [...PROJECT_ROLES];
const MAKERS: Who[] = ['producer', 'artist'];
const WITH_A_ROLE: Who[] = ['org_admin', 'farm_operator', ...PROJECT_ROLES];
const CONSENT_KEEPERS: Who[] = ['producer', 'consent_officer'];

/** Who gets past the door of each route; the row behind it may still not be theirs. */
const ALLOWED: Record<RouteName, readonly Who[]> = {
  health: WHO,
  signIn: WHO,
  signOut: PEOPLE,
  me: PEOPLE,
  createToken: PEOPLE,
  revokeToken: PEOPLE,
  listUsers: ['org_admin'],
  createUser: ['org_admin'],
  listProjects: ['org_admin', ...MEMBERS],
  createProject: ['org_admin'],
  grantMembership: ['org_admin'],
  listPerformers: MEMBERS,
  listConsents: MEMBERS,
  importConsent: CONSENT_KEEPERS,
  activateConsent: ['consent_officer'],
  suspendConsent: CONSENT_KEEPERS,
  revokeConsent: CONSENT_KEEPERS,
  createAsset: MAKERS,
  getAsset: [...MAKERS, 'compliance_auditor'],
  createTemplate: MAKERS,
  getTemplate: [...MAKERS, 'compliance_auditor'],
  submitShot: MAKERS,
  listShots: [...MEMBERS, 'farm_operator'],
  getShot: [...MEMBERS, 'farm_operator'],
  listShotTasks: [...MEMBERS, 'farm_operator'],
  listShotEvents: [...MEMBERS, 'farm_operator'],
  cancelShot: [...MAKERS, 'farm_operator'],
  resumeShot: MAKERS,
  getShotReport: MEMBERS,
  getDelivery: MEMBERS,
  releaseDelivery: ['producer'],
  listWorkers: ['farm_operator'],
  createWorker: ['farm_operator'],
  listAuditEvents: ['org_admin', 'consent_officer', 'compliance_auditor'],
  getAuditCheckpoint: WITH_A_ROLE,
  registerLane: ['worker'],
  leaseTask: ['worker'],
  pollOrders: ['worker'],
  heartbeatAttempt: ['worker'],
  completeAttempt: ['worker'],
  failAttempt: ['worker'],
  releaseAttempt: ['worker'],
};

const CONTENT_ALLOWED: Record<keyof typeof CONTENT_ROUTES, { methods: readonly string[]; allowed: readonly Who[] }> = {
  assetContent: { methods: ['HEAD', 'PUT'], allowed: MAKERS },
  attemptResult: { methods: ['HEAD', 'PUT'], allowed: ['worker'] },
  shotStill: { methods: ['GET'], allowed: MEMBERS },
  shotStream: { methods: ['GET'], allowed: [...MEMBERS, 'farm_operator'] },
  deliveryContent: { methods: ['GET'], allowed: MAKERS },
  // Behind a signature alone: no token opens it.
  leasedObject: { methods: ['GET'], allowed: [] },
  openApi: { methods: ['GET'], allowed: WHO },
};
const CONTENT_CASES = Object.entries(CONTENT_ALLOWED).flatMap(([name, { methods, allowed }]) =>
  methods.map((method) => ({ method, name: name as keyof typeof CONTENT_ROUTES, allowed })),
);

let farm: TestCoordinator;
const tokens = new Map<Who, string | undefined>();
beforeAll(async () => {
  farm = await TestCoordinator.start();
  const projectId = await farm.addProject();
  tokens.set('anonymous', undefined);
  tokens.set('stranger', (await farm.addUser()).token);
  for (const role of ['org_admin', 'farm_operator'] satisfies FarmRole[]) {
    tokens.set(role, (await farm.addUser([role])).token);
  }
  for (const role of PROJECT_ROLES) tokens.set(role, (await farm.addMember(projectId, role)).token);
  tokens.set('worker', (await farm.addWorker()).token);
});
afterAll(() => farm.stop());

const withIds = (path: string): string =>
  path
    .replace(':sha256', 'a'.repeat(64))
    .replace(':side', 'before')
    .replaceAll(/:\w+/g, () => randomUUID());

async function statusAs(who: Who, method: string, path: string): Promise<number> {
  const token = tokens.get(who);
  const body = method === 'POST' ? {} : undefined;
  return (await farm.send(method, withIds(path), { ...(token === undefined ? {} : { token }), body })).status;
}

/** What the door says to those who may not pass. */
const refusalOf = (who: Who): number => (who === 'anonymous' ? 401 : 403);

describe('every route, every role', () => {
  // Signing out ends the very token, so it has a test of its own.
  it.each(Object.entries(ROUTES).filter(([name]) => name !== 'signOut'))('%s', async (name, { method, path }) => {
    for (const who of WHO) {
      const status = await statusAs(who, method, path);
      const allowed = ALLOWED[name as RouteName].includes(who);
      if (!allowed) expect(status, `${who} is refused`).toBe(refusalOf(who));
      else if (name === 'signIn') expect(status, `${who} may try`).toBe(400);
      else expect([401, 403], `${who} passes: ${status}`).not.toContain(status);
    }
  });

  it.each(CONTENT_CASES)('$method $name', async ({ method, name, allowed }) => {
    for (const who of WHO) {
      const status = await statusAs(who, method, CONTENT_ROUTES[name]);
      if (allowed.includes(who)) expect([401, 403], `${who} passes: ${status}`).not.toContain(status);
      else expect(status, `${who} is refused`).toBe(name === 'leasedObject' ? 403 : refusalOf(who));
    }
  });
});

describe('signing out', () => {
  it('ends the API token that it came with', async () => {
    const { token } = await farm.addUser();
    expect((await farm.call('signOut', token)).status).toBe(200);
    expect((await farm.call('me', token)).status).toBe(401);
  });
});
