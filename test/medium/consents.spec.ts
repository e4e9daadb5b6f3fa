import { randomUUID } from 'node:crypto';
import type { ConsentDocument } from '@understudy/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConsentDesk } from './consent-desk.js';
import { inDays, sha, signed, statement, template } from './consent-documents.js';
import { TestCoordinator } from './coordinator.js';

let farm: TestCoordinator;
let now = Date.now();
beforeAll(async () => {
  farm = await TestCoordinator.start({}, { now: () => new Date(now) });
});
afterAll(() => farm.stop());
beforeEach(() => {
  now = Date.now();
});

/** Faces on the way from one person to another, by degrees. */
const blend = (one: number, other: number) => (degrees: number) => {
  const embedding = Buffer.alloc(512 * 4);
  embedding.writeFloatLE(Math.cos((degrees * Math.PI) / 180), one * 4);
  embedding.writeFloatLE(Math.sin((degrees * Math.PI) / 180), other * 4);
  return { sha256: sha(String(degrees / 60)), template: embedding.toString('base64'), recogniser: 'test' };
};

const { project, bring, bringStatement, decide, broughtIn } = new ConsentDesk(() => farm);

describe('importing a consent document', () => {
  it('waits for review in a farm; the performer has no enrolled face before it was activated', async () => {
    const stage = await project();
    const { status, body } = await bringStatement(stage);
    expect(status).toBe(200);
    expect(body.waivers).toEqual([]);
    expect(body.consents).toMatchObject([
      { state: 'pending_review', level: 'L1', performer: 'P-1', activatedBy: null },
    ]);
    expect(JSON.stringify(body)).not.toContain(template(1));
    const enrolled = async () =>
      (await farm.call('listPerformers', stage.producer.token, { query: { projectId: stage.id } })).body.items;
    expect(await enrolled()).toMatchObject([{ name: 'P-1', enrolledFaces: 0 }]);
    await decide('activateConsent', stage.officer, body.consents[0]?.id ?? '');
    expect(await enrolled()).toMatchObject([{ name: 'P-1', enrolledFaces: 1 }]);
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

  it('refuses what another recogniser read: a face cannot be hidden behind it', async () => {
    const stage = await project();
    await bringStatement(stage, { performer: 'P-1', person: 1 });
    const parties = statement({ project: stage.name, performer: 'P-2' }).parties.map((party) => ({
      ...party,
      faces: party.faces.map((face) => ({ ...face, recogniser: 'test ' })),
    }));
    const { status, body } = await bringStatement(stage, { changes: { parties } });
    expect({ status, code: body.error?.code }).toEqual({ status: 422, code: 'CONSENT_DOCUMENT_INVALID' });
    expect(body.error?.details).toEqual({ image: sha('1'), recogniser: 'test ', used: ['test'] });
  });

  it('refuses another face under a name that is taken', async () => {
    const stage = await project();
    await bringStatement(stage, { performer: 'P-1', person: 1 });
    expect((await bringStatement(stage, { performer: 'P-1', person: 2 })).body.error?.code).toBe('IDENTITY_MISMATCH');
  });

  it('frees a name and a face when the consent that took them was declined', async () => {
    const stage = await project();
    const id = await broughtIn(stage, { performer: 'P-1', person: 1 });
    await farm.call('declineConsent', stage.officer.token, { params: { consentId: id }, body: { reason: 'not so' } });
    expect((await bringStatement(stage, { performer: 'P-2', person: 1 })).status).toBe(200);
    expect((await bringStatement(stage, { performer: 'P-1', person: 2 })).status).toBe(200);
  });

  it('compares faces that begin to count with those that count already, whoever waited beside them', async () => {
    const stage = await project();
    const between = blend(1, 2);
    const ids: string[] = [];
    for (const degrees of [0, 60, 120]) {
      const parties = statement({ project: stage.name }).parties.map((party) => ({
        ...party,
        faces: [between(degrees)],
      }));
      ids.push(await broughtIn(stage, { changes: { parties } }));
    }
    const [first = '', , third = ''] = ids;
    expect((await decide('activateConsent', stage.officer, first)).status).toBe(200);
    // Like the one that still waits, and a stranger to the one that counts.
    const refused = await decide('activateConsent', stage.officer, third);
    expect(refused.body.error?.code).toBe('IDENTITY_MISMATCH');
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

it("one performer's document is no version of another's consent, and the database says so too", async () => {
  const stage = await project();
  const id = randomUUID();
  const first = await broughtIn(stage, { performer: 'P-1', person: 1, changes: { id } });
  await decide('activateConsent', stage.officer, first);
  const { status, body } = await bringStatement(stage, {
    performer: 'P-2',
    person: 2,
    changes: { id, issuedAt: inDays(0), parties: statement({ project: '', performer: 'P-2', person: 2 }).parties },
  });
  expect({ status, code: body.error?.code }).toEqual({ status: 409, code: 'CONFLICT' });
  const other = await broughtIn(stage, { performer: 'P-2', person: 2 });
  const moved = `UPDATE consents SET version = 2, lineage_id = (SELECT lineage_id FROM consents WHERE id = $1) WHERE id = $2`;
  await expect(farm.owner.query(moved, [first, other])).rejects.toMatchObject({
    constraint: 'consents_one_performer_a_lineage',
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
