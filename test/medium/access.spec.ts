import { randomUUID } from 'node:crypto';
import { asSubject } from '@understudy/policy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessibleTo } from '../../apps/coordinator/src/access/accessible.js';
import { createActor } from '../../apps/coordinator/src/access/actor.js';
import { DefaultDeny } from '../../apps/coordinator/src/access/default-deny.js';
import { signed, statement } from './consent-documents.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

let farm: TestCoordinator;
let projectId: string;
let producer: TestPerson;
let outsider: TestPerson;
let consentId: string;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  projectId = await farm.addProject();
  producer = await farm.addMember(projectId, 'producer');
  outsider = await farm.addMember(await farm.addProject(), 'producer');
  const projects = await farm.call('listProjects', producer.token);
  const document = signed(statement({ project: projects.body.items[0]?.name ?? '' }));
  const brought = await farm.call('importConsent', producer.token, { params: { projectId }, body: document });
  consentId = brought.body.consents[0]?.id ?? '';
});
afterAll(() => farm.stop());

describe('default deny', () => {
  it('is in force', () => {
    expect(farm.app.get(DefaultDeny)).toBeInstanceOf(DefaultDeny);
  });
});

describe('a member of another project', () => {
  it('is told that there is no such thing, in the words for what is not there', async () => {
    const body = { reason: 'to see whether it is there' };
    const theirs = await farm.call('revokeConsent', outsider.token, { params: { consentId }, body });
    const nothing = await farm.call('revokeConsent', outsider.token, { params: { consentId: randomUUID() }, body });
    expect(theirs.status).toBe(404);
    expect(theirs.body).toEqual(nothing.body);
    const [row] = await farm.owner.query<{ state: string }>('SELECT state::text AS state FROM consents WHERE id = $1', [
      consentId,
    ]);
    expect(row?.state).toBe('pending_review');
  });

  it('finds nothing in lists, asked for by project too', async () => {
    for (const query of [{}, { projectId }]) {
      const { status, body } = await farm.call('listConsents', outsider.token, { query });
      expect({ status, items: body.items }).toEqual({ status: 200, items: [] });
    }
  });

  it('brings nothing in', async () => {
    const document = signed(statement({ project: 'any' }));
    const { status } = await farm.call('importConsent', outsider.token, { params: { projectId }, body: document });
    expect(status).toBe(404);
  });

  it('leaves a line in the audit log each time', async () => {
    const body = { reason: 'to see whether it is there' };
    await farm.call('suspendConsent', outsider.token, { params: { consentId }, body });
    const [newest] = await farm.audit('access.denied');
    expect(newest).toMatchObject({
      actor: `user:${outsider.id}`,
      subjectType: 'Consent',
      subjectId: consentId,
      // Whose auditors are to see it: not those of who asked.
      projectId,
      data: { permission: 'suspend', code: 'NOT_FOUND', method: 'POST' },
    });
  });

  it('with a token that was revoked leaves one too, and not one for each try', async () => {
    const person = await farm.addMember(projectId, 'artist');
    await farm.owner.query('UPDATE tokens SET revoked_at = now() WHERE user_id = $1', [person.id]);
    for (let n = 0; n < 3; n += 1) {
      expect((await farm.call('getConsentReceipt', person.token, { params: { consentId } })).status).toBe(401);
    }
    const told = (await farm.audit('access.denied')).filter(({ actor }) => actor === `user:${person.id}`);
    expect(told).toMatchObject([
      { subjectId: consentId, projectId, data: { code: 'UNAUTHENTICATED', permission: 'read' } },
    ]);
    expect(JSON.stringify(told)).not.toContain(person.token);
  });

  it('with a secret that was never a token leaves none: nobody knows whose it is', async () => {
    const before = (await farm.audit('access.denied')).length;
    expect((await farm.call('listConsents', 'ust_of_nobody')).status).toBe(401);
    expect(await farm.audit('access.denied')).toHaveLength(before);
  });

  it('without the role leaves one as well', async () => {
    const body = { reason: 'to see whether it works' };
    const refused = await farm.call('activateConsent', producer.token, { params: { consentId }, body });
    expect(refused.body.error?.code).toBe('FORBIDDEN');
    const [newest] = await farm.audit('access.denied');
    expect(newest).toMatchObject({ actor: `user:${producer.id}`, data: { permission: 'activate', code: 'FORBIDDEN' } });
  });
});

describe('roles written into the database', () => {
  it.each([
    [
      'a role that was never given',
      `INSERT INTO memberships (project_id, user_id, role, granted_by) VALUES ('PROJECT', 'USER', 'consent_officer', 'USER')`,
    ],
    ['a role made another', `UPDATE memberships SET role = 'consent_officer' WHERE user_id = 'USER'`],
    ['a role of the farm', `UPDATE users SET farm_roles = '{org_admin}' WHERE id = 'USER'`],
    [
      "another's role, seal and all",
      `INSERT INTO memberships (project_id, user_id, role, granted_by, seal)
       SELECT project_id, 'USER', role, granted_by, seal FROM memberships WHERE user_id = 'PRODUCER'`,
    ],
  ])('stop the account: %s', async (_, statement) => {
    const person = await farm.addMember(projectId, 'artist');
    expect((await farm.call('listConsents', person.token)).status).toBe(200);
    const filled = { PROJECT: projectId, USER: person.id, PRODUCER: producer.id };
    const text = statement.replaceAll(/PROJECT|USER|PRODUCER/g, (name) => filled[name as keyof typeof filled]);
    await farm.owner.tampering.query(text);
    for (const name of ['listConsents', 'listUsers'] as const) {
      const { status, body } = await farm.call(name, person.token);
      expect({ status, code: body.error?.code }).toEqual({ status: 422, code: 'RECORD_ALTERED' });
    }
    const told = (await farm.audit('record.altered')).filter(({ subjectId }) => subjectId === person.id);
    expect(told).toHaveLength(1);
    expect(JSON.stringify(told[0]?.data)).toMatch(/^\{"rows":\["(memberships|users) /);
  });

  it('given by the service itself count', async () => {
    const admin = await farm.addUser(['org_admin']);
    const person = await farm.addUser();
    const body = { userId: person.id, role: 'compliance_auditor' };
    const { status } = await farm.call('grantMembership', admin.token, { params: { projectId }, body });
    expect(status).toBeLessThan(300);
    expect((await farm.call('listConsents', person.token)).body.items.length).toBeGreaterThan(0);
  });
});

describe('queries and abilities', () => {
  it('agree on every row', async () => {
    const projects = [await farm.addProject(), await farm.addProject(), await farm.addProject()];
    for (const [index, id] of projects.entries()) {
      for (let n = 0; n < 4; n += 1) {
        await farm.owner.query('INSERT INTO performers (id, project_id, name) VALUES ($1, $2, $3)', [
          randomUUID(),
          id,
          `P-${index}-${n}`,
        ]);
      }
    }
    const roles = ['producer', 'artist', 'consent_officer', 'compliance_auditor'] as const;
    const { prisma } = farm.owner;
    for (let mask = 0; mask < 8; mask += 1) {
      const held = projects.filter((_, index) => (mask >> index) % 2 === 1);
      const memberships = held.map((id, index) => ({ projectId: id, role: roles[index % roles.length] ?? 'artist' }));
      const token = { id: randomUUID(), kind: 'api' as const };
      const { ability } = createActor({ kind: 'user', id: randomUUID(), name: '', farmRoles: [], memberships, token });
      if (held.length === 0) {
        expect(() => accessibleTo(ability, 'read', 'Performer')).toThrow(/do not allow/);
        continue;
      }
      const found = await prisma.performer.findMany({ where: accessibleTo(ability, 'read', 'Performer') });
      const all = await prisma.performer.findMany();
      const expected = all.filter((row) => ability.can('read', asSubject('Performer', row)));
      expect(found.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
      expect(found).toHaveLength(4 * held.length);
    }
  });
});

describe('roles', () => {
  it('are given by an org admin to others, never to oneself, and work at once', async () => {
    const admin = await farm.addUser(['org_admin']);
    const member = await farm.addUser();
    const params = { projectId };
    const give = (userId: string) =>
      farm.call('grantMembership', admin.token, { params, body: { userId, role: 'compliance_auditor' } });
    expect((await give(admin.id)).body.error?.code).toBe('FORBIDDEN');
    expect((await give(randomUUID())).status).toBe(404);
    expect((await farm.call('listConsents', member.token)).status).toBe(403);
    expect((await give(member.id)).status).toBe(200);
    expect((await farm.call('listConsents', member.token)).body.items).toHaveLength(1);
  });

  it('a local project makes its creator producer and consent officer; a farm may refuse the profile', async () => {
    const admin = await farm.addUser(['org_admin']);
    const create = (body: object) => farm.call('createProject', admin.token, { body });
    const { body } = await create({ name: 'On my own machine', profile: 'local' });
    expect(body).toMatchObject({ profile: 'local', leastLevel: 'L0' });
    const me = await farm.call('me', admin.token);
    expect(me.body.memberships.map(({ role }) => role)).toEqual(['producer', 'consent_officer']);
    expect((await create({ name: 'On my own machine', profile: 'local' })).body.error?.code).toBe('CONFLICT');
    expect((await create({ name: 'Too low', leastLevel: 'L0' })).body.error?.code).toBe('CONSENT_LEVEL_TOO_LOW');
    const strict = await TestCoordinator.start({ ALLOW_LOCAL_PROFILE: 'false' });
    try {
      const boss = await strict.addUser(['org_admin']);
      const refused = await strict.call('createProject', boss.token, { body: { name: 'Local', profile: 'local' } });
      expect({ status: refused.status, code: refused.body.error?.code }).toEqual({
        status: 403,
        code: 'PROFILE_REFUSED',
      });
    } finally {
      await strict.stop();
    }
  });
});
