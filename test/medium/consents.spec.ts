import { createPublicKey, randomUUID, verify } from 'node:crypto';
import { type ConsentDocument, type ConsentParty, receiptBytes } from '@understudy/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ConsentExpiry } from '../../apps/coordinator/src/consents/consent-expiry.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inDays, sha, signed, statement, type StatementOptions, template } from './consent-documents.js';
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

interface Stage {
  readonly id: string;
  readonly name: string;
  readonly producer: TestPerson;
  readonly officer: TestPerson;
}

async function project(profile: 'farm' | 'local' = 'farm'): Promise<Stage> {
  const id = await farm.addProject(profile, profile === 'local' ? 'L0' : 'L1');
  const [row] = await farm.owner.query<{ name: string }>('SELECT name FROM projects WHERE id = $1', [id]);
  const producer = await farm.addMember(id, 'producer');
  return { id, name: row?.name ?? '', producer, officer: await farm.addMember(id, 'consent_officer') };
}
const bring = (stage: Stage, document: ConsentDocument, who = stage.producer) =>
  farm.call('importConsent', who.token, { params: { projectId: stage.id }, body: document });
const bringStatement = (stage: Stage, options: Omit<StatementOptions, 'project'> = {}) =>
  bring(stage, signed(statement({ project: stage.name, ...options })));
const decide = (what: 'activateConsent' | 'suspendConsent' | 'revokeConsent', who: TestPerson, consentId: string) =>
  farm.call(what, who.token, {
    params: { consentId },
    body: what === 'activateConsent' ? { reason: 'as agreed', waiveNotice: 'told in person' } : { reason: 'as agreed' },
  });

async function broughtIn(stage: Stage, options: Omit<StatementOptions, 'project'> = {}): Promise<string> {
  const { body } = await bringStatement(stage, options);
  return body.consents[0]?.id ?? '';
}

describe('importing a consent document', () => {
  it('waits for review in a farm, and makes the performer with the enrolled face', async () => {
    const stage = await project();
    const { status, body } = await bringStatement(stage);
    expect(status).toBe(200);
    expect(body.waivers).toEqual([]);
    expect(body.consents).toMatchObject([
      { state: 'pending_review', level: 'L1', performer: 'P-1', activatedBy: null },
    ]);
    expect(JSON.stringify(body)).not.toContain(template(1));
    const performers = await farm.call('listPerformers', stage.producer.token, { query: { projectId: stage.id } });
    expect(performers.body.items).toMatchObject([{ name: 'P-1', enrolledFaces: 1 }]);
  });

  it('is active at once in a local project, with every waiver audited', async () => {
    const stage = await project('local');
    const { body } = await bringStatement(stage, { changes: { level: 'L0' } });
    expect(body.waivers).toEqual(['notice', 'four_eyes']);
    expect(body.consents).toMatchObject([{ state: 'active', level: 'L0', activatedBy: stage.producer.id }]);
    const waived = (await farm.audit('consent.waived')).filter((event) => event.projectId === stage.id);
    expect(waived.map((event) => event.data['waiver']).sort()).toEqual(['four_eyes', 'notice']);
  });

  it('gives one consent a party', async () => {
    const stage = await project('local');
    const parties = [
      { role: 'identity' as const, performer: 'P-1', faces: [] },
      { role: 'plate' as const, performer: 'P-2', faces: [] },
    ];
    const { body } = await bringStatement(stage, { changes: { parties } });
    expect(body.consents.map(({ role, performer }) => [role, performer])).toEqual([
      ['identity', 'P-1'],
      ['plate', 'P-2'],
    ]);
    expect(new Set(body.consents.map((consent) => consent.lineageId)).size).toBe(2);
  });

  it('again gives the same consents', async () => {
    const stage = await project();
    const document = signed(statement({ project: stage.name }));
    const first = await bring(stage, document);
    const second = await bring(stage, document);
    expect(second).toEqual(first);
  });

  const tampered: [string, (document: ConsentDocument) => void][] = [
    ['its scope', (document) => document.statement.scope.operations.push('restore')],
    ['its end', (document) => (document.statement.scope.validUntil = inDays(300))],
    ['its level', (document) => (document.statement.level = 'L0')],
    ['a face', (document) => (document.statement.parties[0]!.faces[0]!.template = template(9))],
    ['its signature', (document) => (document.attestation.signature = Buffer.alloc(64).toString('base64'))],
    ['its key', (document) => (document.attestation.publicKey = Buffer.alloc(32, 7).toString('base64'))],
  ];
  it.each(tampered)('refuses a document when somebody changed %s', async (_, tamper) => {
    const stage = await project();
    const document = signed(statement({ project: stage.name }));
    tamper(document);
    const { status, body } = await bring(stage, document);
    expect({ status, code: body.error?.code }).toEqual({ status: 422, code: 'CONSENT_DOCUMENT_INVALID' });
    const rows = await farm.owner.query('SELECT id FROM performers WHERE project_id = $1', [stage.id]);
    expect(rows).toEqual([]);
  });

  it.each([
    ['has expired', { scope: { validFrom: inDays(-9), validUntil: inDays(-1) } }, 'CONSENT_EXPIRED'],
    ['attests to too low a level', { changes: { level: 'L0' as const } }, 'CONSENT_LEVEL_TOO_LOW'],
    ['is for another project', { scope: { project: 'Another' } }, 'CONSENT_OUT_OF_SCOPE'],
    ['ends before it begins', { scope: { validFrom: inDays(9), validUntil: inDays(8) } }, 'CONSENT_DOCUMENT_INVALID'],
  ])('refuses a document that %s', async (_, options, code) => {
    const { status, body } = await bringStatement(await project(), options);
    expect({ status, code: body.error?.code }).toEqual({ status: 422, code });
  });

  it('refuses nonsense with the paths at fault', async () => {
    const stage = await project();
    const { status, body } = await farm.call('importConsent', stage.producer.token, {
      params: { projectId: stage.id },
      body: { statement: { format: 'other' } },
    });
    expect({ status, code: body.error?.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
    const issues = body.error?.details?.['issues'] as { path: string }[];
    expect(issues.map((issue) => issue.path)).toContain('body.statement.format');
  });
});

describe('one face, one name', () => {
  it('refuses a face that is enrolled under another name, and says so', async () => {
    const stage = await project();
    await bringStatement(stage, { performer: 'P-1', person: 1 });
    const { status, body } = await bringStatement(stage, { performer: 'P-2', person: 1 });
    expect({ status, code: body.error?.code }).toEqual({ status: 422, code: 'IDENTITY_MISMATCH' });
    expect(body.error?.message).toContain('enrolled in the project as P-1');
    expect(body.error?.details).toMatchObject({ image: sha('1') });
  });

  it('refuses another face under a name that is taken', async () => {
    const stage = await project();
    await bringStatement(stage, { performer: 'P-1', person: 1 });
    expect((await bringStatement(stage, { performer: 'P-1', person: 2 })).body.error?.code).toBe('IDENTITY_MISMATCH');
  });

  it('holds for two imports at the same moment', async () => {
    const stage = await project();
    const answers = await Promise.all(
      ['P-1', 'P-2', 'P-3'].map((performer) => bringStatement(stage, { performer, person: 3 })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422, 422]);
  });

  it('says nothing of other projects', async () => {
    await bringStatement(await project(), { performer: 'P-1', person: 4 });
    expect((await bringStatement(await project(), { performer: 'P-2', person: 4 })).status).toBe(200);
  });
});

describe('versions', () => {
  it('a newer one supersedes the older when it becomes active, never before', async () => {
    const stage = await project();
    const id = randomUUID();
    const first = await broughtIn(stage, { changes: { id } });
    await decide('activateConsent', stage.officer, first);
    const second = await broughtIn(stage, { changes: { id, issuedAt: inDays(0) } });
    const states = async () =>
      farm.owner.query(
        'SELECT id, version, state::text AS state FROM consents WHERE project_id = $1 ORDER BY version',
        [stage.id],
      );
    expect(await states()).toMatchObject([
      { id: first, version: 1, state: 'active' },
      { id: second, version: 2, state: 'pending_review' },
    ]);
    await decide('activateConsent', stage.officer, second);
    expect(await states()).toMatchObject([{ state: 'superseded' }, { state: 'active' }]);
  });

  it('an older document does not come back', async () => {
    const stage = await project('local');
    const id = randomUUID();
    await bringStatement(stage, { changes: { id, issuedAt: inDays(-1) } });
    const { status, body } = await bringStatement(stage, { changes: { id, issuedAt: inDays(-2) } });
    expect({ status, code: body.error?.code }).toEqual({ status: 409, code: 'CONFLICT' });
  });
});

describe('deciding', () => {
  it('takes a consent officer who did not ask for it', async () => {
    const stage = await project();
    const id = await broughtIn(stage);
    expect((await decide('activateConsent', stage.producer, id)).body.error?.code).toBe('FORBIDDEN');
    const { body } = await decide('activateConsent', stage.officer, id);
    expect(body).toMatchObject({ state: 'active', activatedBy: stage.officer.id, stateReason: 'as agreed' });
  });

  it('refuses the officer who brought it in, and so does the database', async () => {
    const stage = await project();
    const { body } = await bring(stage, signed(statement({ project: stage.name })), stage.officer);
    const id = body.consents[0]?.id ?? '';
    const refused = await decide('activateConsent', stage.officer, id);
    expect({ status: refused.status, code: refused.body.error?.code }).toEqual({ status: 403, code: 'FORBIDDEN' });
    const statementOf = `UPDATE consents SET state = 'active', activated_by = requested_by WHERE id = $1`;
    await expect(farm.owner.query(statementOf, [id])).rejects.toMatchObject({
      constraint: 'consents_four_eyes_check',
    });
    const waive = `UPDATE consents SET waivers = '{four_eyes}' WHERE id = $1`;
    await expect(farm.owner.query(waive, [id])).rejects.toMatchObject({ constraint: 'consents_waivers_are_local' });
  });

  it('suspends and goes on, revokes for good', async () => {
    const stage = await project();
    const id = await broughtIn(stage);
    await decide('activateConsent', stage.officer, id);
    expect((await decide('suspendConsent', stage.producer, id)).body.state).toBe('suspended');
    expect((await decide('activateConsent', stage.officer, id)).body.state).toBe('active');
    const { body } = await decide('revokeConsent', stage.producer, id);
    expect(body.state).toBe('revoked');
    expect(body.revokedAt).not.toBeNull();
    for (const what of ['activateConsent', 'suspendConsent', 'revokeConsent'] as const) {
      expect((await decide(what, stage.officer, id)).status, what).toBe(409);
    }
    const reopen = `UPDATE consents SET state = 'active' WHERE id = $1`;
    await expect(farm.owner.query(reopen, [id])).rejects.toMatchObject({ constraint: 'consents_stay_ended' });
  });

  it('does not activate what has expired meanwhile', async () => {
    const stage = await project();
    const id = await broughtIn(stage);
    now += 31 * 86_400_000;
    expect((await decide('activateConsent', stage.officer, id)).body.error?.code).toBe('CONSENT_EXPIRED');
  });

  it('a revoked document is not imported again', async () => {
    const stage = await project('local');
    const document = signed(statement({ project: stage.name }));
    const { body } = await bring(stage, document);
    await decide('revokeConsent', stage.producer, body.consents[0]?.id ?? '');
    expect((await bring(stage, document)).body.error?.code).toBe('CONSENT_REVOKED');
  });
});

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
