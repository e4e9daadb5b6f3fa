import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTENT_ROUTES } from '@understudy/contracts';
import {
  leafHash,
  parseCheckpoint,
  parseEvent,
  parseExportLine,
  readOutside,
  toCef,
  type Verification,
  verifyExport,
  verifyInclusion,
} from '@understudy/tlog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addShot, type ShotFixture } from './shot-fixture.js';

/** As somebody types it who should not have. */
const TYPED = 'Ines Quandt broke her arm on Tuesday';

let farm: TestCoordinator;
let shot: ShotFixture;
let one: TestPerson;
let other: TestPerson;
let auditor: TestPerson;

beforeAll(async () => {
  farm = await TestCoordinator.start({ AUDIT_CHECKPOINT_SECONDS: '3600' });
  shot = await addShot(farm.owner);
  one = await farm.addMember(shot.projectId, 'consent_officer');
  other = await farm.addMember(shot.projectId, 'consent_officer');
  auditor = await farm.addMember(shot.projectId, 'compliance_auditor');
});
afterAll(async () => farm.stop());

async function suspend(reason: string, consentId = shot.identityConsentId): Promise<void> {
  const params = { consentId };
  const { status } = await farm.call('suspendConsent', one.token, { params, body: { reason } });
  expect(status).toBe(200);
  await farm.owner.query(`UPDATE consents SET state = 'active' WHERE id = $1`, [consentId]);
}
async function exported(token = auditor.token): Promise<string[]> {
  return (await (await farm.send('GET', CONTENT_ROUTES.auditExport, { token })).text()).split('\n');
}
/** What the log says by itself; the rows of the fixture were written past it. */
async function verified(lines?: string[], outside?: string): Promise<Verification['faults']> {
  const given = outside === undefined ? {} : { outside: await readOutside(outside) };
  return (await verifyExport(lines ?? (await exported()), given)).faults.filter(({ kind }) => kind !== 'row');
}
async function shown(action: string, token = auditor.token) {
  const { body } = await farm.call('listAuditEvents', token, { query: { limit: '500' } });
  const found = body.items.filter((event) => event.action === action);
  return found[0]!;
}
async function ask(about: string, by = one): Promise<string> {
  const body = { projectId: shot.projectId, about, reason: 'a person asked for it' };
  const { status, body: asked } = await farm.call('askErasure', by.token, { body });
  expect(status, JSON.stringify(asked)).toBe(200);
  return asked.id;
}
const approve = (erasureId: string, by: TestPerson) => farm.call('approveErasure', by.token, { params: { erasureId } });

describe('what people type into an event', () => {
  beforeAll(async () => suspend(TYPED));

  it('lies beside the log, which commits to it, and is shown to whoever may see the event', async () => {
    const [{ canonical = '' } = {}] = await farm.owner.query<{ canonical: string }>(
      `SELECT canonical FROM audit_events WHERE action = 'consent.suspended'`,
    );
    expect(canonical).not.toContain('Quandt');
    const event = await shown('consent.suspended');
    expect(event.data['reason']).toEqual({ commitment: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(event.personal).toEqual({ reason: TYPED });
    expect(await verified()).toEqual([]);
    expect((await verifyExport(await exported())).opened).toBe(1);
    const lines = (await exported()).filter((line) => line !== '').map(parseExportLine);
    const leaf = lines.flatMap((line) => (line.kind === 'leaf' && line.openings !== undefined ? [line] : []))[0]!;
    expect(toCef(parseEvent(leaf.event ?? ''), leaf.index, leaf.openings)).toContain(TYPED);
  });

  it("is not in another auditor's export, nor in a webhook, a log line or an answer to a stranger", async () => {
    const elsewhere = await farm.addMember(await farm.addProject(), 'compliance_auditor');
    expect((await exported(elsewhere.token)).join('')).not.toContain('Quandt');
    expect((await farm.send('GET', CONTENT_ROUTES.auditExport, { token: (await farm.addUser()).token })).status).toBe(
      403,
    );
  });

  it('is found when its words were changed, or taken away, by the owner of the database', async () => {
    const { tampering } = farm.owner;
    await tampering.query('ALTER TABLE audit_personal DISABLE TRIGGER ALL');
    await tampering.query(`UPDATE audit_personal SET value = 'nothing at all' WHERE value = $1`, [TYPED]);
    expect(await verified()).toMatchObject([
      { kind: 'personal', message: expect.stringMatching(/reason of entry \d+ is not what/) as string },
    ]);
    const [kept] = await tampering.query<{ event_id: string; field: string; salt: Buffer }>(
      `DELETE FROM audit_personal WHERE value = 'nothing at all' RETURNING event_id, field, salt`,
    );
    expect(await verified()).toMatchObject([
      { kind: 'personal', message: expect.stringMatching(/is gone, and no erasure was written down/) as string },
    ]);
    await tampering.query('INSERT INTO audit_personal (event_id, field, salt, value) VALUES ($1, $2, $3, $4)', [
      kept?.event_id,
      kept?.field,
      kept?.salt,
      TYPED,
    ]);
    await tampering.query('ALTER TABLE audit_personal ENABLE ALWAYS TRIGGER audit_personal_by_two');
    expect(await verified()).toEqual([]);
  });
});

describe('erasing it', () => {
  it('takes two people, and the service cannot do it without them', async () => {
    const erasureId = await ask(shot.identityConsentId);
    expect((await approve(erasureId, one)).status).toBe(403);
    const outsider = await farm.addMember(await farm.addProject(), 'consent_officer');
    expect((await approve(erasureId, outsider)).status).toBe(404);
    expect((await approve(erasureId, auditor)).status).toBe(403);
    for (const statement of [
      'DELETE FROM audit_personal',
      `UPDATE audit_personal SET value = 'x'`,
      'TRUNCATE audit_personal',
      'DELETE FROM audit_erasures',
      `UPDATE audit_erasures SET approved_by = asked_by, decided_at = now()`,
      `UPDATE audit_erasures SET event_ids = ARRAY[gen_random_uuid()]`,
    ]) {
      await expect(farm.runtime.query(statement), statement).rejects.toThrow();
    }
    const { body } = await farm.call('listErasures', other.token);
    expect(body.items).toMatchObject([
      { id: erasureId, askedBy: one.id, eventIds: [expect.any(String)], erased: null },
    ]);
    const params = { erasureId };
    const declined = await farm.call('declineErasure', other.token, { params, body: { reason: 'not yet' } });
    expect(declined.status).toBe(200);
    expect((await approve(erasureId, other)).status).toBe(409);
  });

  it('refuses what somebody was made to have asked for by SQL', async () => {
    const erasureId = await ask(shot.identityConsentId);
    const { tampering } = farm.owner;
    await tampering.query('ALTER TABLE audit_erasures DISABLE TRIGGER ALL');
    await tampering.query('UPDATE audit_erasures SET asked_by = $2 WHERE id = $1', [erasureId, other.id]);
    expect((await approve(erasureId, one)).body.error).toMatchObject({ code: 'RECORD_ALTERED' });
    await tampering.query('UPDATE audit_erasures SET asked_by = $2 WHERE id = $1', [erasureId, one.id]);
    await tampering.query('ALTER TABLE audit_erasures ENABLE TRIGGER ALL');
    await farm.call('declineErasure', other.token, { params: { erasureId }, body: { reason: 'altered' } });
  });

  it('leaves every proof as it was: the event, its place, and the checkpoint that was kept before', async () => {
    const before = await shown('consent.suspended');
    const { body: checkpoint } = await farm.call('getAuditCheckpoint', auditor.token);
    const folder = await mkdtemp(join(tmpdir(), 'outside-'));
    await writeFile(join(folder, 'note'), checkpoint.note);
    const erasureId = await ask(shot.identityConsentId);
    const answer = await approve(erasureId, other);
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200, body: { erased: 1 } });
    const kept = await farm.owner.query<{ text: string }>(
      `SELECT value AS text FROM audit_personal UNION ALL SELECT canonical FROM audit_events`,
    );
    expect(kept.map(({ text }) => text).join('\n')).not.toContain('Quandt');
    const after = await shown('consent.suspended');
    expect(after).toEqual({ ...before, personal: { reason: null } });
    const lines = await exported();
    expect(await verified(lines, join(folder, 'note'))).toEqual([]);
    expect(await verifyExport(lines)).toMatchObject({ erased: 1 });
    await rm(folder, { recursive: true });
    const { body: proof } = await farm.call('getAuditProof', auditor.token, { params: { eventId: after.id } });
    const { size, root } = parseCheckpoint(proof.checkpoint.note);
    const [{ canonical = '' } = {}] = await farm.owner.query<{ canonical: string }>(
      'SELECT canonical FROM audit_events WHERE id = $1',
      [after.id],
    );
    const path = proof.proof.map((hash) => Buffer.from(hash, 'hex'));
    expect(verifyInclusion(leafHash(Buffer.from(canonical)), proof.index, size, path, root)).toBe(true);
    expect(toCef(parseEvent(canonical), proof.index)).toContain(String.raw`"reason":"erased"`);
    // What was done is an event: to which events and by whom, not what they said.
    expect((await farm.audit('personal_data.erased'))[0]).toMatchObject({
      actor: `user:${other.id}`,
      projectId: shot.projectId,
      data: { events: [after.id], fields: 1, askedBy: one.id },
    });
    expect((await approve(erasureId, other)).status).toBe(409);
  });

  it('has no more to give once it is done, and takes events by id too', async () => {
    const about = { projectId: shot.projectId, about: shot.identityConsentId, reason: 'once more' };
    expect((await farm.call('askErasure', one.token, { body: about })).status).toBe(409);
    await suspend('typed again', shot.plateConsentId);
    const { id } = await shown('consent.suspended');
    const stranger = { projectId: await farm.addProject(), eventIds: [id], reason: 'of another project' };
    const admin = await farm.addUser(['org_admin']);
    expect((await farm.call('askErasure', admin.token, { body: stranger })).status).toBe(404);
    const body = { projectId: shot.projectId, eventIds: [id], reason: 'by its id' };
    const { body: asked } = await farm.call('askErasure', admin.token, { body });
    // An org admin sees how much it is, and never what.
    expect(asked).toMatchObject({ eventIds: [id] });
    expect((await approve(asked.id, other)).body).toMatchObject({ erased: 1 });
    expect(await verified()).toEqual([]);
  });
});
