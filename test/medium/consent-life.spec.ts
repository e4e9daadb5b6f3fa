import { createPublicKey, verify } from 'node:crypto';
import { type ConsentParty, receiptBytes } from '@understudy/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ConsentExpiry } from '../../apps/coordinator/src/consents/consent-expiry.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConsentDesk, type Stage } from './consent-desk.js';
import { inDays, sha, signed, statement, template } from './consent-documents.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

let farm: TestCoordinator;
let now = Date.now();
beforeAll(async () => {
  farm = await TestCoordinator.start({}, { now: () => new Date(now) });
});
afterAll(() => farm.stop());
beforeEach(() => {
  now = Date.now();
});

const { project, bring, decide, broughtIn } = new ConsentDesk(() => farm);

describe('the notice to the performer', () => {
  const activate = (stage: Stage, consentId: string, waiveNotice?: string) =>
    farm.call('activateConsent', stage.officer.token, {
      params: { consentId },
      body: { reason: 'seen the paper', ...(waiveNotice === undefined ? {} : { waiveNotice }) },
    });
  const told = (stage: Stage, sentAt: string, changes: Partial<ConsentParty> = {}) => {
    const of = statement({ project: stage.name });
    of.parties[0] = {
      ...of.parties[0]!,
      notice: { document: sha('9'), language: 'en', version: '1', sentAt },
      ...changes,
    };
    return of;
  };

  it('is asked for, or a reason to go without it, which the log keeps', async () => {
    const stage = await project();
    const id = await broughtIn(stage);
    const refused = await activate(stage, id);
    expect(refused.body.error?.code).toBe('CONSENT_NOT_YET_VALID');
    const { body } = await activate(stage, id, 'their counsel agreed to begin today');
    expect(body).toMatchObject({ state: 'active', noticeWaiverReason: 'their counsel agreed to begin today' });
    const waived = (await farm.audit('consent.waived')).find(({ subjectId }) => subjectId === id);
    expect(waived).toMatchObject({ actor: `user:${stage.officer.id}`, data: { waiver: 'notice' } });
  });

  it('elapses 48 hours after it was sent', async () => {
    const stage = await project();
    const sentAt = inDays(-1);
    const { body } = await bring(stage, signed(told(stage, sentAt)));
    const [consent] = body.consents;
    expect(consent?.noticeElapsesAt).toBe(new Date(Date.parse(sentAt) + 48 * 3_600_000).toISOString());
    expect((await activate(stage, consent?.id ?? '')).body.state).toBe('active');
  });

  it("is never waived for a minor, whose guardian's paper counts, and only until they come of age", async () => {
    const stage = await project();
    const guardian = { document: sha('8'), signer: 'A guardian', method: 'signed paper', at: inDays(-1) };
    const minor = (comesOfAgeAt: string) =>
      told(stage, inDays(-3), { protection: { kind: 'minor', comesOfAgeAt, guardian } });
    const late = await bring(stage, signed(minor(inDays(20))));
    expect(late.body.error?.code).toBe('CONSENT_DOCUMENT_INVALID');
    const { body } = await bring(stage, signed(minor(inDays(300))));
    const id = body.consents[0]?.id ?? '';
    expect(body.consents[0]).toMatchObject({ level: 'L1', protection: 'minor' });
    expect((await activate(stage, id, 'we are in a hurry')).status).toBe(403);
    const waive = `UPDATE consents SET notice_waived_by = $2, notice_waiver_reason = 'x' WHERE id = $1`;
    await expect(farm.owner.query(waive, [id, stage.officer.id])).rejects.toMatchObject({
      constraint: 'consents_notice_waiver_check',
    });
    expect((await activate(stage, id)).body.state).toBe('active');
  });

  it('takes nobody protected into a local project', async () => {
    const stage = await project('local');
    const representative = { document: sha('8'), signer: 'The estate', method: 'deed', at: inDays(-1) };
    const of = told(stage, inDays(-3), { protection: { kind: 'deceased', representative } });
    expect((await bring(stage, signed(of))).body.error?.code).toBe('CONSENT_LEVEL_TOO_LOW');
  });
});

describe('holds', () => {
  const call = (what: 'holdConsent' | 'liftConsentHold', who: TestPerson, consentId: string, kind = 'strike') =>
    farm.call(what, who.token, { params: { consentId }, body: { kind, reason: 'the union called it' } });

  it('are lifted by somebody else than who placed them, and so the database has it', async () => {
    const stage = await project();
    const id = await broughtIn(stage);
    await decide('activateConsent', stage.officer, id);
    expect((await call('holdConsent', stage.officer, id)).body).toMatchObject({ state: 'active', holds: ['strike'] });
    expect((await call('holdConsent', stage.producer, id, 'dispute')).body.holds).toEqual(['strike', 'dispute']);
    expect((await call('holdConsent', stage.producer, id)).body.holds).toEqual(['strike', 'dispute']);
    expect((await call('liftConsentHold', stage.officer, id)).body.error?.code).toBe('FORBIDDEN');
    const alone = `UPDATE consent_holds SET lifted_by = placed_by, lifted_at = now(), lift_reason = 'x' WHERE consent_id = $1`;
    await expect(farm.owner.query(alone, [id])).rejects.toMatchObject({ constraint: 'consent_holds_four_eyes_check' });
    const other = await farm.addMember(stage.id, 'consent_officer');
    expect((await call('liftConsentHold', other, id)).body.holds).toEqual(['dispute']);
    expect((await call('liftConsentHold', stage.officer, id, 'dispute')).body.holds).toEqual([]);
    expect((await call('liftConsentHold', stage.officer, id, 'dispute')).status).toBe(409);
    const events = (await farm.audit('consent.held')).filter(({ subjectId }) => subjectId === id);
    expect(events.map(({ data }) => data['holds'])).toEqual([['strike', 'dispute'], ['strike']]);
  });

  it('nothing that ended is held, and what is declined has ended', async () => {
    const stage = await project();
    const id = await broughtIn(stage);
    const declined = await farm.call('declineConsent', stage.officer.token, {
      params: { consentId: id },
      body: { reason: 'the signature is not theirs' },
    });
    expect(declined.body.state).toBe('declined');
    expect((await call('holdConsent', stage.producer, id)).status).toBe(409);
    expect((await decide('activateConsent', stage.officer, id)).status).toBe(409);
  });
});

describe('what is handed out about consents', () => {
  it('a receipt, signed by the farm, without a face and with what happened', async () => {
    const stage = await project();
    const id = await broughtIn(stage);
    await decide('activateConsent', stage.officer, id);
    const { body } = await farm.call('getConsentReceipt', stage.producer.token, { params: { consentId: id } });
    const { receipt, signature } = body;
    expect(receipt).toMatchObject({
      consent: { id, state: 'active', version: 1 },
      party: { performer: 'P-1', images: [sha('1')] },
      withdrawal: { path: `/api/v1/consents/${id}/revoke` },
      uses: 0,
    });
    expect(receipt.events.map(({ action }) => action)).toEqual([
      'consent.imported',
      'consent.waived',
      'consent.activated',
    ]);
    expect(JSON.stringify(body)).not.toContain(template(1));
    const x = Buffer.from(signature.publicKey, 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const value = Buffer.from(signature.value, 'base64');
    expect(verify(null, receiptBytes(receipt), key, value)).toBe(true);
    expect(verify(null, receiptBytes({ ...receipt, uses: 1 }), key, value)).toBe(false);
  });

  it('the schema that documents are read by, to everybody', async () => {
    const { status, body } = await farm.call('consentSchema', undefined);
    expect(status).toBe(200);
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(body);
    const document = signed(statement({ project: 'pilot' }));
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...document, statement: { ...document.statement, format: 'another/1' } })).toBe(false);
    const { parties: _, ...without } = document.statement;
    expect(validate({ ...document, statement: without })).toBe(false);
  });
});

describe('time', () => {
  it('ends what was in use as expired and what never was as lapsed, each with its event', async () => {
    const stage = await project();
    const used = await broughtIn(stage, { performer: 'P-1', person: 1 });
    const unused = await broughtIn(stage, { performer: 'P-2', person: 2 });
    await decide('activateConsent', stage.officer, used);
    const expiry = farm.app.get(ConsentExpiry);
    now += 29 * 86_400_000;
    await expiry.sweep();
    const state = async (id: string) =>
      (await farm.owner.query<{ state: string }>('SELECT state::text AS state FROM consents WHERE id = $1', [id]))[0]
        ?.state;
    expect([await state(used), await state(unused)]).toEqual(['active', 'pending_review']);
    now += 2 * 86_400_000;
    await expiry.sweep();
    expect([await state(used), await state(unused)]).toEqual(['expired', 'lapsed']);
    expect((await farm.audit('consent.expired')).map((event) => event.subjectId)).toContain(used);
    expect((await farm.audit('consent.lapsed')).map((event) => event.subjectId)).toContain(unused);
  });
});
