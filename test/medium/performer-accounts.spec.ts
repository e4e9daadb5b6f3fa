import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addShot } from './shot-fixture.js';

describe('on a strict farm', () => {
  let strict: TestCoordinator;
  beforeAll(async () => {
    strict = await TestCoordinator.start({ ACCOUNTS: 'strict' });
  });
  afterAll(() => strict.stop());

  it('whatever is asked of the portal asks for a second factor', async () => {
    const shot = await addShot(strict.owner);
    const person = await strict.addUser();
    await strict.owner.query(
      `INSERT INTO performer_accounts (performer_id, user_id, invited_by)
       SELECT performer_id, $2, $3 FROM consents WHERE id = $1`,
      [shot.identityConsentId, person.id, randomUUID()],
    );
    const list = () => strict.call('listPortalConsents', person.token);
    expect((await list()).body.error?.code).toBe('SECOND_FACTOR_REQUIRED');
    await strict.owner.query('UPDATE tokens SET second_factor = true');
    expect((await list()).body.items).toHaveLength(1);
  });

  const performerWithPaper = async () => {
    const shot = await addShot(strict.owner);
    const [{ performerId = '' } = {}] = await strict.owner.query<{ performerId: string }>(
      'SELECT performer_id AS "performerId" FROM consents WHERE id = $1',
      [shot.identityConsentId],
    );
    return { ...shot, performerId };
  };
  const accountsOf = (performerId: string) =>
    strict.owner.query<{ userId: string }>(
      'SELECT user_id AS "userId" FROM performer_accounts WHERE performer_id = $1',
      [performerId],
    );
  const decide = (by: TestPerson, roleRequestId: string) =>
    strict.call('approveRoleRequest', by.token, { params: { roleRequestId } });

  it("an account is a performer once a consent officer of the project has said so, by no org admin's word alone", async () => {
    const [admin, second] = [await strict.addUser(['org_admin']), await strict.addUser(['org_admin'])];
    const { performerId, projectId } = await performerWithPaper();
    const officer = await strict.addMember(projectId, 'consent_officer');
    const elsewhere = await strict.addMember(await strict.addProject(), 'consent_officer');
    const producer = await strict.addMember(projectId, 'producer');
    await strict.owner.query('UPDATE tokens SET second_factor = true');
    const email = `${randomUUID()}@example.org`;
    const made = await strict.call('createInvitation', admin.token, { body: { name: 'Ada', email, performerId } });
    const password = 'correct horse battery';
    const { secret } = made.body;
    expect((await strict.call('acceptInvitation', undefined, { body: { secret, password } })).status).toBe(200);
    expect(await accountsOf(performerId)).toEqual([]);
    const waiting = async (by: TestPerson) => (await strict.call('listRoleRequests', by.token)).body.items;
    const [request, ...more] = await waiting(officer);
    expect([request, more]).toMatchObject([{ role: 'performer', performerId, email, requestedBy: admin.id }, []]);
    const id = request?.id ?? '';
    expect(await waiting(elsewhere)).toEqual([]);
    expect((await decide(elsewhere, id)).body.error?.code).toBe('NOT_FOUND');
    for (const by of [admin, second, producer]) expect((await decide(by, id)).body.error?.code).toBe('FORBIDDEN');
    // A role that two org admins give is none of an officer's.
    const [other, wanted] = [await strict.addUser(), { role: 'producer' }];
    const params = { projectId };
    await strict.call('grantMembership', admin.token, { params, body: { userId: other.id, ...wanted } });
    const [role] = (await waiting(second)).filter(({ userId }) => userId === other.id);
    expect((await decide(officer, role?.id ?? '')).body.error?.code).toBe('NOT_FOUND');
    // Nor is the account's seal the officer's to ask for.
    expect((await strict.call('askBreakGlass', officer.token)).status).toBe(403);
    expect((await decide(officer, id)).status).toBe(200);
    expect(await accountsOf(performerId)).toEqual([{ userId: request?.userId }]);
    const [event] = await strict.audit('performer.account_linked');
    expect(event).toMatchObject({
      actor: `user:${officer.id}`,
      subjectId: performerId,
      data: { userId: request?.userId, invitedBy: admin.id },
    });
    expect((await decide(officer, id)).body.error?.code).toBe('CONFLICT');
  });

  it('nor does the database take one past the service', async () => {
    const { performerId, projectId } = await performerWithPaper();
    const other = await performerWithPaper();
    const [admin, person] = [await strict.addUser(['org_admin']), await strict.addUser()];
    const officer = await strict.addMember(projectId, 'consent_officer');
    const link = (of = performerId) =>
      strict.runtime.query('INSERT INTO performer_accounts (performer_id, user_id, invited_by) VALUES ($1, $2, $3)', [
        of,
        person.id,
        admin.id,
      ]);
    const ask = (by: string, of = performerId) =>
      strict.runtime.query(
        `INSERT INTO role_requests (id, user_id, project_id, role, performer_id, requested_by, expires_at, approved_by, decided_at)
         VALUES ($1, $2, $3, 'performer', $4, $5, now() + interval '1 day', $6, now())`,
        [randomUUID(), person.id, projectId, of, admin.id, by],
      );
    await expect(link()).rejects.toThrow(/said by two people/);
    await expect(ask(admin.id)).rejects.toThrow(/four_eyes|no consent officer/);
    await expect(ask((await strict.addUser(['org_admin'])).id)).rejects.toThrow(/no consent officer/);
    await expect(ask(officer.id, other.performerId)).rejects.toThrow(/another project/);
    await ask(officer.id);
    await expect(link(other.performerId)).rejects.toThrow(/said by two people/);
    await link();
    await expect(
      strict.runtime.query('UPDATE performer_accounts SET performer_id = $1 WHERE user_id = $2', [
        other.performerId,
        person.id,
      ]),
    ).rejects.toThrow(/said by two people/);
    await strict.owner.query('DELETE FROM performer_accounts WHERE user_id = $1', [person.id]);
    await expect(link()).rejects.toThrow(/said by two people/);
  });
});
