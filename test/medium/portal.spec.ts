import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { performerOf } from './portal-performer.js';
import { addShot, type ShotFixture } from './shot-fixture.js';

let farm: TestCoordinator;
beforeAll(async () => {
  farm = await TestCoordinator.start();
});
afterAll(() => farm.stop());

describe('what a performer sees', () => {
  async function withShots(): Promise<{ own: ShotFixture; person: TestPerson; others: ShotFixture }> {
    const own = await addShot(farm.owner, { state: 'ready' });
    const others = await addShot(farm.owner, { state: 'ready', projectId: own.projectId });
    return { own, others, person: (await performerOf(farm, own.identityConsentId)).person };
  }

  it('is their own consents and shots, by id, and nothing of the others in the same project', async () => {
    const { own, others, person } = await withShots();
    const [consents, shots] = [
      await farm.call('listPortalConsents', person.token),
      await farm.call('listPortalShots', person.token),
    ];
    expect(consents.body.items.map(({ id, uses }) => ({ id, uses }))).toEqual([{ id: own.identityConsentId, uses: 1 }]);
    expect(shots.body.items).toMatchObject([
      { shotVersionId: own.shotVersionId, state: 'ready', consents: [{ id: own.identityConsentId, role: 'identity' }] },
    ]);
    const seen = JSON.stringify([consents.body, shots.body]);
    for (const secret of [
      others.shotVersionId,
      own.plateConsentId,
      `Shot ${own.shotId}`,
      own.shotId,
      own.plateSha256,
    ]) {
      expect(seen).not.toContain(secret);
    }
    // What everybody else of the project may ask, they may not.
    for (const route of ['listShots', 'listConsents', 'listPerformers', 'listAuditEvents'] as const) {
      expect((await farm.call(route, person.token)).body.error?.code, route).toBe('FORBIDDEN');
    }
  });

  it('is revoked by them for good, with what was made under it; by nobody through another', async () => {
    const { own, others, person } = await withShots();
    const revoke = (consentId: string) =>
      farm.call('revokePortalConsent', person.token, {
        params: { consentId },
        body: { reason: 'I want no more of it' },
      });
    expect((await revoke(own.plateConsentId)).body.error?.code).toBe('NOT_FOUND');
    expect((await revoke(others.identityConsentId)).body.error?.code).toBe('NOT_FOUND');
    expect((await revoke(own.identityConsentId)).status).toBe(200);
    const [event] = await farm.audit('consent.revoked');
    expect(event).toMatchObject({ actor: `user:${person.id}`, subjectId: own.identityConsentId });
    const { body } = await farm.call('listPortalShots', person.token);
    expect(body.items).toMatchObject([{ state: 'revoked', preview: false }]);
    const path = `/api/v1/portal/shots/${own.shotVersionId}/preview`;
    expect((await farm.json('GET', path, { token: person.token })).body.error?.code).toBe('OUTPUT_LOCKED');
    const foreign = `/api/v1/portal/shots/${others.shotVersionId}/preview`;
    expect((await farm.json('GET', foreign, { token: person.token })).body.error?.code).toBe('NOT_FOUND');
    const receipt = await farm.call('getPortalReceipt', person.token, { params: { consentId: own.identityConsentId } });
    expect(receipt.body.receipt.consent.state).toBe('revoked');
    // The address at which it says that one withdraws is one that lets the performer in.
    const { method, path: withdrawAt } = receipt.body.receipt.withdrawal;
    const again = await farm.send(method, withdrawAt, { token: person.token, body: { reason: 'once more' } });
    expect([withdrawAt, again.status === 403 || again.status === 404]).toEqual([withdrawAt, false]);
    expect(withdrawAt).toBe(`/api/v1/portal/consents/${own.identityConsentId}/revoke`);
  });

  it('is nothing any more once the row that says who they are was written past the service', async () => {
    const { others, person } = await withShots();
    const [{ performerId = '' } = {}] = await farm.owner.query<{ performerId: string }>(
      'SELECT performer_id AS "performerId" FROM consents WHERE id = $1',
      [others.identityConsentId],
    );
    await farm.owner.tampering.query(
      'INSERT INTO performer_accounts (performer_id, user_id, invited_by) VALUES ($1, $2, $3)',
      [performerId, person.id, randomUUID()],
    );
    expect((await farm.call('listPortalConsents', person.token)).body.error?.code).toBe('RECORD_ALTERED');
  });
});

describe('an invitation to the portal', () => {
  it('makes an account of that performer and of no other role', async () => {
    const admin = await farm.addUser(['org_admin']);
    const shot = await addShot(farm.owner);
    const [{ performerId = '' } = {}] = await farm.owner.query<{ performerId: string }>(
      'SELECT performer_id AS "performerId" FROM consents WHERE id = $1',
      [shot.identityConsentId],
    );
    const invite = (more: Record<string, unknown>) =>
      farm.call('createInvitation', admin.token, {
        body: { name: 'Ada', email: `${randomUUID()}@example.org`, ...more },
      });
    expect((await invite({ performerId, farmRoles: ['org_admin'] })).body.error?.code).toBe('INVALID_REQUEST');
    expect((await invite({ performerId: randomUUID() })).body.error?.code).toBe('NOT_FOUND');
    const { secret } = (await invite({ performerId })).body;
    const password = 'correct horse battery';
    const { email } = (await farm.call('acceptInvitation', undefined, { body: { secret, password } })).body;
    const session = await farm.send('POST', '/api/v1/session', { body: { email, password } });
    const cookie = (session.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    expect(await session.json()).toMatchObject({ performers: [{ performerId }], farmRoles: [], memberships: [] });
    const { body } = await farm.json<{ items: { id: string }[] }>('GET', '/api/v1/portal/consents', {
      headers: { cookie },
    });
    expect(body.items.map(({ id }) => id)).toEqual([shot.identityConsentId]);
  });
});
