import { randomUUID } from 'node:crypto';
import type { FarmRole, ProjectRole } from '@understudy/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCoordinator, type TestPerson } from './coordinator.js';

const PASSWORD = 'correct horse battery';
let farm: TestCoordinator;
let first: TestPerson;
let second: TestPerson;
let projectId: string;
beforeAll(async () => {
  farm = await TestCoordinator.start({ ACCOUNTS: 'strict' });
  first = await farm.addUser(['org_admin']);
  second = await farm.addUser(['org_admin']);
  // How a second factor is shown is another spec's.
  await farm.owner.query('UPDATE tokens SET second_factor = true');
  projectId = await farm.addProject();
});
afterAll(() => farm.stop());

const nobody = () => farm.addUser();
const grant = (by: TestPerson, userId: string, role: ProjectRole) =>
  farm.call('grantMembership', by.token, { params: { projectId }, body: { userId, role } });
const grantFarm = (by: TestPerson, userId: string, role: FarmRole) =>
  farm.call('grantFarmRole', by.token, { params: { userId }, body: { role } });
const decide = (name: 'approveRoleRequest' | 'declineRoleRequest', by: TestPerson, roleRequestId: string) =>
  farm.call(name, by.token, { params: { roleRequestId }, body: { reason: 'seen who they are' } });
const rolesOf = async ({ token }: TestPerson) => {
  const { body } = await farm.call('me', token);
  return [...body.farmRoles, ...body.memberships.map(({ role }) => role)];
};
const waiting = async (userId: string) => {
  const { body } = await farm.call('listRoleRequests', second.token);
  return body.items.filter((request) => request.userId === userId);
};
async function requestFor(userId: string): Promise<string> {
  const [request] = await waiting(userId);
  if (request === undefined) throw new Error('nothing waits');
  return request.id;
}

describe('a role that releases or grants', () => {
  it.each(['producer', 'consent_officer', 'compliance_auditor'] as const)(
    '%s holds once a second org admin has approved it',
    async (role) => {
      const person = await nobody();
      expect((await grant(first, person.id, role)).body).toEqual({ ok: true, pending: true });
      expect((await grant(first, person.id, role)).body).toEqual({ ok: true, pending: true });
      expect(await waiting(person.id)).toMatchObject([{ role, projectId, requestedBy: first.id }]);
      expect(await rolesOf(person)).toEqual([]);
      const id = await requestFor(person.id);
      expect((await decide('approveRoleRequest', first, id)).body.error?.code).toBe('FORBIDDEN');
      expect((await decide('approveRoleRequest', second, id)).status).toBe(200);
      expect(await rolesOf(person)).toEqual([role]);
      expect((await decide('approveRoleRequest', second, id)).body.error?.code).toBe('CONFLICT');
      expect((await farm.audit('membership.granted'))[0]).toMatchObject({
        actor: `user:${second.id}`,
        subjectId: person.id,
        data: { role, requestedBy: first.id },
      });
    },
  );

  it.each(['org_admin', 'farm_operator'] as const)('%s of the whole farm too', async (role) => {
    const person = await nobody();
    expect((await grantFarm(first, person.id, role)).body.pending).toBe(true);
    expect(await rolesOf(person)).toEqual([]);
    expect((await decide('approveRoleRequest', second, await requestFor(person.id))).status).toBe(200);
    expect(await rolesOf(person)).toEqual([role]);
  });

  it('asked for with a new account waits as well', async () => {
    const body = { name: 'New', email: 'new@example.org', password: PASSWORD, farmRoles: ['farm_operator'] };
    const made = await farm.call('createUser', first.token, { body });
    expect(made.body.farmRoles).toEqual([]);
    expect(await waiting(made.body.id)).toMatchObject([{ role: 'farm_operator', projectId: null }]);
  });

  it('is not given by one admin through another of their own making', async () => {
    const puppet = await nobody();
    await grantFarm(first, puppet.id, 'org_admin');
    const accomplice = await nobody();
    await grant(first, accomplice.id, 'producer');
    const id = await requestFor(accomplice.id);
    await farm.owner.query('UPDATE tokens SET second_factor = true');
    expect((await decide('approveRoleRequest', puppet, id)).status).toBe(403);
    // Nor by who would get it, were they an admin.
    await grant(first, second.id, 'producer');
    const own = await requestFor(second.id);
    expect((await decide('approveRoleRequest', second, own)).body.error?.code).toBe('FORBIDDEN');
  });

  it('is not needed for one that only makes', async () => {
    const person = await nobody();
    expect((await grant(first, person.id, 'artist')).body.pending).toBe(false);
    expect(await rolesOf(person)).toEqual(['artist']);
  });

  it('is declined, or runs out, and may be asked for anew', async () => {
    const person = await nobody();
    await grant(first, person.id, 'producer');
    expect((await decide('declineRoleRequest', second, await requestFor(person.id))).status).toBe(200);
    await grant(first, person.id, 'producer');
    const old = await requestFor(person.id);
    await farm.owner.query(`ALTER TABLE role_requests DISABLE TRIGGER USER`);
    await farm.owner.query(`UPDATE role_requests SET expires_at = now() WHERE id = $1`, [old]);
    await farm.owner.query(`ALTER TABLE role_requests ENABLE TRIGGER USER`);
    expect((await decide('approveRoleRequest', second, old)).body.error?.code).toBe('CONFLICT');
    expect((await grant(first, person.id, 'producer')).body.pending).toBe(true);
    expect(await requestFor(person.id)).not.toBe(old);
  });

  it('taken away is gone at once, and what was approved before does not give it back', async () => {
    const person = await nobody();
    await grant(first, person.id, 'producer');
    await decide('approveRoleRequest', second, await requestFor(person.id));
    expect((await farm.call('listConsents', person.token)).status).toBe(200);
    const taken = await farm.call('takeRole', first.token, {
      body: { userId: person.id, projectId, role: 'producer' },
    });
    expect(taken.status).toBe(200);
    expect((await farm.call('listConsents', person.token)).status).toBe(403);
    expect((await grant(first, person.id, 'producer')).body.pending).toBe(true);
    await expect(insertMembership(person.id, 'producer')).rejects.toThrow(/two people/);
  });
});

const insertMembership = (userId: string, role: string) =>
  farm.runtime.query(
    'INSERT INTO memberships (project_id, user_id, role, granted_by) VALUES ($1, $2, $3::project_role, $2)',
    [projectId, userId, role],
  );
const insertRequest = (userId: string, more: string, values: string) =>
  farm.runtime.query(
    `INSERT INTO role_requests (id, user_id, project_id, role, requested_by, expires_at${more})
     VALUES ($1, $2, $3, 'producer', $4, now() + interval '1 day'${values})`,
    [randomUUID(), userId, projectId, first.id],
  );

describe('the database, past the service', () => {
  it('takes no such role, for one person or with a farm setting of its own making', async () => {
    const { id } = await nobody();
    await expect(insertMembership(id, 'producer')).rejects.toThrow(/two people/);
    await expect(insertMembership(id, 'consent_officer')).rejects.toThrow(/two people/);
    // Who accepts a restored database beside an org admin.
    await expect(insertMembership(id, 'compliance_auditor')).rejects.toThrow(/two people/);
    await expect(farm.runtime.query(`UPDATE users SET farm_roles = '{org_admin}' WHERE id = $1`, [id])).rejects.toThrow(
      /two people/,
    );
    await expect(insertRequest(id, ', waived, decided_at', ', true, now()')).rejects.toThrow(/two people/);
    await expect(farm.runtime.query(`UPDATE farm_settings SET value = 'simple'`)).rejects.toThrow(/permission denied/);
  });

  it('takes no approval by who asked, who gets it, or who is no org admin', async () => {
    const { id } = await nobody();
    const other = await nobody();
    for (const [by, why] of [
      [first.id, /four_eyes/],
      [id, /four_eyes|no org admin/],
      [other.id, /no org admin/],
    ] as const) {
      await expect(insertRequest(id, ', approved_by, decided_at', `, '${by}', now()`)).rejects.toThrow(why);
    }
  });

  it('changes nothing that was asked for or decided', async () => {
    const person = await nobody();
    await grant(first, person.id, 'producer');
    const id = await requestFor(person.id);
    const set = (what: string) => farm.runtime.query(`UPDATE role_requests SET ${what} WHERE id = $1`, [id]);
    await expect(set(`role = 'consent_officer'`)).rejects.toThrow(/stays/);
    await expect(set(`requested_by = '${second.id}'`)).rejects.toThrow(/stays/);
    await decide('declineRoleRequest', second, id);
    await expect(set(`declined_by = NULL, approved_by = '${second.id}'`)).rejects.toThrow(/stays/);
  });
});

describe('an invitation', () => {
  const invite = async (body: object = {}) => {
    const email = `guest-${randomUUID()}@example.org`;
    const made = await farm.call('createInvitation', first.token, { body: { email, name: 'Guest', ...body } });
    return { email, ...made.body };
  };
  const accept = (secret: string) => farm.call('acceptInvitation', undefined, { body: { secret, password: PASSWORD } });
  const signIn = async (email: string) =>
    (await farm.send('POST', '/api/v1/session', { body: { email, password: PASSWORD } })).status;

  it('makes one account, once, with a password of its own and the roles that two give', async () => {
    const memberships = [
      { projectId, role: 'artist' },
      { projectId, role: 'producer' },
    ];
    const { email, secret } = await invite({ memberships });
    expect(await signIn(email)).toBe(401);
    expect((await accept(secret)).body).toEqual({ email });
    expect((await accept(secret)).body.error?.code).toBe('CREDENTIALS_REFUSED');
    expect(await signIn(email)).toBe(200);
    const [{ id = '', by = '' } = {}] = await farm.owner.query<{ id: string; by: string }>(
      'SELECT id, created_by AS by FROM users WHERE email = $1',
      [email],
    );
    expect(by).toBe(first.id);
    expect(await waiting(id)).toMatchObject([{ role: 'producer', requestedBy: first.id }]);
    const held = await farm.owner.query('SELECT role::text FROM memberships WHERE user_id = $1', [id]);
    expect(held).toEqual([{ role: 'artist' }]);
  });

  it('is taken by one of many at once', async () => {
    const { secret } = await invite();
    const answers = await Promise.all(Array.from({ length: 4 }, () => accept(secret)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 422, 422, 422]);
  });

  it('does not hold when it is over, revoked, replaced, or who invited has gone', async () => {
    const over = await invite();
    await farm.owner.query('UPDATE invitations SET expires_at = now() WHERE id = $1', [over.id]);
    const revoked = await invite();
    await farm.call('revokeInvitation', second.token, { params: { invitationId: revoked.id } });
    const replaced = await invite();
    await invite({ email: replaced.email });
    const leaver = await farm.addUser(['org_admin']);
    await farm.owner.query('UPDATE tokens SET second_factor = true');
    const body = { email: 'late@example.org', name: 'Late' };
    const orphan = (await farm.call('createInvitation', leaver.token, { body })).body;
    const shut = await farm.call('disableUser', first.token, {
      params: { userId: leaver.id },
      body: { reason: 'left the studio' },
    });
    expect(shut.status).toBe(200);
    const refusals = await Promise.all(
      [over, revoked, replaced, orphan, { secret: 'x'.repeat(40) }].map((one) => accept(one.secret)),
    );
    expect(new Set(refusals.map((one) => JSON.stringify(one)))).toHaveLength(1);
    expect(refusals[0]?.body.error?.code).toBe('CREDENTIALS_REFUSED');
  });

  it('is kept as a hash, and lists only while it is open', async () => {
    const { id, secret } = await invite();
    const [row] = await farm.owner.query<{ row: string }>('SELECT i::text AS row FROM invitations i WHERE id = $1', [
      id,
    ]);
    expect(row?.row).not.toContain(secret.slice(4));
    const ids = async () => (await farm.call('listInvitations', first.token)).body.items.map((one) => one.id);
    expect(await ids()).toContain(id);
    await accept(secret);
    expect(await ids()).not.toContain(id);
  });

  it('to an address that has an account is refused', async () => {
    const { email, secret } = await invite();
    await accept(secret);
    const again = await farm.call('createInvitation', first.token, { body: { email, name: 'Again' } });
    expect(again.body.error?.code).toBe('CONFLICT');
  });
});

describe('somebody shut out', () => {
  it('has no session and no token any more; the last org admin stays', async () => {
    const person = await nobody();
    const body = { reason: 'left the studio' };
    const shut = (by: TestPerson, userId: string) => farm.call('disableUser', by.token, { params: { userId }, body });
    expect((await shut(first, person.id)).status).toBe(200);
    expect((await farm.call('me', person.token)).status).toBe(401);
    expect((await shut(first, first.id)).body.error?.code).toBe('FORBIDDEN');
    const alone = await TestCoordinator.start({ ACCOUNTS: 'simple' });
    try {
      const only = await alone.addUser(['org_admin']);
      const last = await alone.call('takeRole', only.token, { body: { userId: only.id, role: 'org_admin' } });
      expect(last.body.error?.code).toBe('CONFLICT');
      const person2 = await alone.addUser();
      const given = await alone.call('grantFarmRole', only.token, {
        params: { userId: person2.id },
        body: { role: 'org_admin' },
      });
      expect(given.body).toEqual({ ok: true, pending: false });
      expect((await alone.audit('user.roles_changed'))[0]?.data).toMatchObject({
        farmRoles: ['org_admin'],
        waived: true,
      });
      const gone = await alone.call('takeRole', person2.token, { body: { userId: only.id, role: 'org_admin' } });
      expect(gone.status).toBe(200);
    } finally {
      await alone.stop();
    }
  });
});
