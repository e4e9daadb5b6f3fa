import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import {
  consentSignatureBytes,
  type ConsentSignatureStatement,
  type ConsentToSign,
  keyProofBytes,
} from '@understudy/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inDays, sha, signed, statement } from './consent-documents.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addShot, type ShotFixture } from './shot-fixture.js';

let farm: TestCoordinator;
beforeAll(async () => {
  farm = await TestCoordinator.start();
});
afterAll(() => farm.stop());

interface Pair {
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}
function newPair(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return { publicKey: Buffer.from(x, 'base64url').toString('base64'), privateKey };
}
const signatureOf = (bytes: Uint8Array, { privateKey }: Pair): string =>
  sign(null, bytes, privateKey).toString('base64');

async function performerOf(consentId: string): Promise<{ performerId: string; person: TestPerson }> {
  const [row] = await farm.owner.query<{ performerId: string }>(
    'SELECT performer_id AS "performerId" FROM consents WHERE id = $1',
    [consentId],
  );
  const performerId = row?.performerId ?? '';
  const person = await farm.addUser();
  await farm.owner.query('INSERT INTO performer_accounts (performer_id, user_id, invited_by) VALUES ($1, $2, $3)', [
    performerId,
    person.id,
    randomUUID(),
  ]);
  return { performerId, person };
}

async function registered({ id, token }: TestPerson, pair = newPair()): Promise<Pair> {
  const proof = { format: 'understudy-performer-key/1', userId: id, publicKey: pair.publicKey } as const;
  const body = { publicKey: pair.publicKey, signature: signatureOf(keyProofBytes(proof), pair) };
  expect((await farm.call('addPerformerKey', token, { body })).status).toBe(200);
  return pair;
}

interface Waiting {
  readonly consentId: string;
  readonly person: TestPerson;
  readonly officer: TestPerson;
  readonly producer: TestPerson;
}
/** A consent of level L2, brought in by a producer, and its performer. */
async function waiting(): Promise<Waiting> {
  const projectId = await farm.addProject('farm', 'L2');
  const [{ name = '' } = {}] = await farm.owner.query<{ name: string }>('SELECT name FROM projects WHERE id = $1', [
    projectId,
  ]);
  const producer = await farm.addMember(projectId, 'producer');
  const officer = await farm.addMember(projectId, 'consent_officer');
  const document = signed(statement({ project: name, performer: 'Ada', changes: { level: 'L2' } }));
  const { body } = await farm.call('importConsent', producer.token, { params: { projectId }, body: document });
  const consentId = body.consents[0]?.id ?? '';
  return { consentId, producer, officer, person: (await performerOf(consentId)).person };
}
async function toSignOf({ consentId, person }: Waiting): Promise<ConsentToSign> {
  const { body } = await farm.call('listPortalConsents', person.token);
  return body.items.find(({ id }) => id === consentId)?.toSign as ConsentToSign;
}
const signAs = (
  { consentId, person }: Waiting,
  toSign: ConsentToSign,
  pair: Pair,
  changes: Partial<ConsentSignatureStatement> = {},
  by = pair,
) => {
  const whole = { ...toSign, publicKey: pair.publicKey, signedAt: inDays(0), ...changes };
  const body = { statement: whole, signature: signatureOf(consentSignatureBytes(whole), by) };
  return farm.call('signPortalConsent', person.token, { params: { consentId }, body });
};
const stateOf = async (consentId: string) =>
  (
    await farm.owner.query<{ state: string; level: string }>(
      'SELECT state::text, level::text FROM consents WHERE id = $1',
      [consentId],
    )
  )[0];

describe('a performer signs with a key of their own', () => {
  it('which takes the consent to level L2, for a consent officer to look at', async () => {
    const given = await waiting();
    const pair = await registered(given.person);
    expect(await stateOf(given.consentId)).toEqual({ state: 'pending_signature', level: 'L1' });
    const activate = () =>
      farm.call('activateConsent', given.officer.token, {
        params: { consentId: given.consentId },
        body: { reason: 'as signed', waiveNotice: 'told in person' },
      });
    expect((await activate()).body.error?.code).toBe('CONFLICT');
    expect((await signAs(given, await toSignOf(given), pair)).status).toBe(200);
    expect(await stateOf(given.consentId)).toEqual({ state: 'pending_review', level: 'L2' });
    const [event] = await farm.audit('consent.signed');
    expect(event).toMatchObject({
      actor: `user:${given.person.id}`,
      subjectId: given.consentId,
      data: { level: 'L2' },
    });
    const active = await activate();
    expect(active.body).toMatchObject({ state: 'active', level: 'L2', signedBy: event?.data['fingerprint'] });
    expect((await signAs(given, { ...(await toSignOf(given)) }, pair)).status).toBe(400);
  });

  it('and nothing else is a signature', async () => {
    const given = await waiting();
    const [pair, toSign] = [await registered(given.person), await toSignOf(given)];
    const other = await waiting();
    const theirs = await registered(other.person);
    const narrower = { ...toSign.scope, operations: ['replace' as const, 'restore' as const] };
    const refused = [
      await signAs(given, toSign, newPair()),
      await signAs(given, toSign, theirs),
      await signAs(given, toSign, pair, {}, theirs),
      await signAs(given, { ...toSign, scope: narrower }, pair),
      await signAs(given, { ...toSign, documentSha256: sha('b') }, pair),
      await signAs(given, { ...toSign, role: 'plate' }, pair),
      await signAs(given, toSign, pair, { signedAt: inDays(-1) }),
      await signAs(given, toSign, pair, { signedAt: inDays(1) }),
    ];
    expect(refused.map(({ body }) => body.error?.code)).toEqual(refused.map(() => 'INVALID_REQUEST'));
    // Another's consent is not there.
    const foreign = await signAs({ ...given, person: other.person }, toSign, theirs);
    expect(foreign.body.error?.code).toBe('NOT_FOUND');
    expect(await stateOf(given.consentId)).toEqual({ state: 'pending_signature', level: 'L1' });
    // A key that was retired signs nothing more.
    const keys = await farm.call('listPerformerKeys', given.person.token);
    const performerKeyId = keys.body.items[0]?.id ?? '';
    expect((await farm.call('retirePerformerKey', given.person.token, { params: { performerKeyId } })).status).toBe(
      200,
    );
    expect((await signAs(given, toSign, pair)).body.error?.code).toBe('INVALID_REQUEST');
  });

  it('which nobody registers without holding it, nor for another account', async () => {
    const { person } = await waiting();
    const [pair, other] = [newPair(), newPair()];
    const proof = { format: 'understudy-performer-key/1', userId: person.id, publicKey: pair.publicKey } as const;
    const add = (signature: string) =>
      farm.call('addPerformerKey', person.token, { body: { publicKey: pair.publicKey, signature } });
    expect((await add(signatureOf(keyProofBytes(proof), other))).body.error?.code).toBe('INVALID_REQUEST');
    const elsewhere = { ...proof, userId: randomUUID() };
    expect((await add(signatureOf(keyProofBytes(elsewhere), pair))).body.error?.code).toBe('INVALID_REQUEST');
    expect((await add(signatureOf(keyProofBytes(proof), pair))).status).toBe(200);
    expect((await add(signatureOf(keyProofBytes(proof), pair))).body.error?.code).toBe('CONFLICT');
    // One whose signatures anybody can make: the curve's neutral point.
    const [point, zero] = [Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]), Buffer.alloc(32)];
    const body = { publicKey: point.toString('base64'), signature: Buffer.concat([point, zero]).toString('base64') };
    expect((await farm.call('addPerformerKey', person.token, { body })).body.error?.code).toBe('INVALID_REQUEST');
  });

  it('nor does the database take level L2, or their own activation, past the service', async () => {
    const given = await waiting();
    const change = (sql: string) => farm.runtime.query(sql, [given.consentId]);
    await expect(change(`UPDATE consents SET level = 'L2' WHERE id = $1`)).rejects.toThrow(/no performer has signed/);
    await signAs(given, await toSignOf(given), await registered(given.person));
    const own = `UPDATE consents SET activated_by = '${given.person.id}' WHERE id = $1`;
    await expect(change(own)).rejects.toThrow(/does not activate their own/);
    await expect(change('DELETE FROM consent_signatures WHERE consent_id = $1')).rejects.toThrow(/stays as it was/);
    const other = `UPDATE consent_signatures SET statement = '{}' WHERE consent_id = $1`;
    await expect(change(other)).rejects.toThrow(/stays as it was/);
  });
});

describe('what a performer sees', () => {
  async function withShots(): Promise<{ own: ShotFixture; person: TestPerson; others: ShotFixture }> {
    const own = await addShot(farm.owner, { state: 'ready' });
    const others = await addShot(farm.owner, { state: 'ready', projectId: own.projectId });
    return { own, others, person: (await performerOf(own.identityConsentId)).person };
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
