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
import { performerOf } from './portal-performer.js';

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
  return { consentId, producer, officer, person: (await performerOf(farm, consentId)).person };
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
