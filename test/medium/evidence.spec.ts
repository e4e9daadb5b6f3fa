import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNodeClient } from '@understudy/client/node';
import type { Evidence } from '@understudy/tlog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBundle, verifyBundle } from '../../apps/cli/src/evidence/bundle.js';
import { readTarGz, writeTarGz } from '../../apps/cli/src/evidence/tar.js';
import { Witness, witnessKey } from '../../apps/cli/src/witness/witness.js';
import { AuditWriter } from '../../apps/coordinator/src/audit/audit-writer.js';
import { signed, statement } from './consent-documents.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addShot, type ShotFixture } from './shot-fixture.js';

const CODENAME = 'Project <Harbour> & "co"';
const FILES = ['index.html', 'evidence.json', 'evidence.note', 'log.ndjson', 'manifest.json'];
let farm: TestCoordinator;
let folder: string;
let projectId: string;
let auditor: TestPerson;
let officer: TestPerson;
let shot: ShotFixture;
let consentId: string;
let path: string;
let evidence: Evidence;
const clientOf = (token: string) => createNodeClient({ baseUrl: farm.url, token });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evidence-'));
  farm = await TestCoordinator.start();
  const admin = await farm.addUser(['org_admin']);
  const made = await farm.call('createProject', admin.token, { body: { name: CODENAME, profile: 'farm' } });
  projectId = made.body.id;
  const grant = async (role: string): Promise<TestPerson> => {
    const person = await farm.addUser();
    await farm.call('grantMembership', admin.token, { params: { projectId }, body: { userId: person.id, role } });
    return person;
  };
  const producer = await grant('producer');
  [officer, auditor] = [await grant('consent_officer'), await grant('compliance_auditor')];
  const document = signed(statement({ project: CODENAME }));
  const brought = await farm.call('importConsent', producer.token, { params: { projectId }, body: document });
  consentId = brought.body.consents[0]?.id ?? '';
  const body = { reason: 'seen', waiveNotice: 'a rehearsal' };
  await farm.call('activateConsent', officer.token, { params: { consentId }, body });
  // What an assessor asks for besides: who was refused, what was erased, and whether a backup was put back.
  expect((await farm.call('activateConsent', producer.token, { params: { consentId }, body })).status).toBe(403);
  const asked = { projectId, about: consentId, reason: 'somebody asked for it' };
  expect((await farm.call('askErasure', officer.token, { body: asked })).status).toBe(200);
  const restored = {
    actor: 'user:x',
    action: 'log.restore_accepted',
    subjectType: 'AuditLog',
    subjectId: '-',
    data: {},
  };
  await farm.app.get(AuditWriter).append(farm.owner, restored);
  shot = await addShot(farm.owner, { projectId });
  await farm.owner.query('UPDATE cast_members SET identity_consent_id = $1', [consentId]);
  await addShot(farm.owner);
  path = join(folder, 'bundle.tar.gz');
  const client = clientOf(auditor.token);
  evidence = await makeBundle(client, { projectId }, path);
  client.close();
});
afterAll(async () => {
  await farm.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('an evidence bundle', () => {
  it('is verified offline, without the farm', async () => {
    const key = (await farm.call('getAuditCheckpoint', auditor.token)).body.verifierKey;
    const found = await verifyBundle(path, { verifierKey: key });
    // The fixture's own consents were never imported: no event speaks of them, and the bundle says so.
    expect(found.faults.map(({ file }) => file)).toEqual(found.faults.map(() => expect.stringMatching(/json|ndjson/)));
    const unknown = found.faults.filter(({ message }) => !message.includes('the log knows nothing'));
    expect(unknown).toEqual([]);
    expect(found.log.size).toBeGreaterThan(5);
  });

  it('holds policies, people, consents with their use, and proofs; of no other project', () => {
    const consent = evidence.consents.find(({ id }) => id === consentId);
    expect(consent?.values).toMatchObject({ state: 'active', level: 'L1', version: 1 });
    expect(consent?.uses.map((use) => use.shotVersionId)).toEqual([shot.shotVersionId]);
    expect(evidence.policies.roles.map(({ role }) => role)).toContain('compliance_auditor');
    expect(evidence.policies.settings).toMatchObject({ leaseSeconds: 10 });
    const person = evidence.people.find(({ id }) => id === officer.id);
    expect(person).toMatchObject({ grants: [{ projectId, role: 'consent_officer' }] });
    expect(person?.lastActAt).not.toBeNull();
    expect(evidence.projects.map(({ id }) => id)).toEqual([projectId]);
    expect(evidence.events.map(({ event }) => (JSON.parse(event) as { action: string }).action)).toEqual(
      expect.arrayContaining([
        ...['consent.imported', 'consent.activated', 'consent.waived', 'membership.granted'],
        ...['access.denied', 'personal_data.erasure_asked', 'log.restore_accepted'],
      ]),
    );
  });

  it('has a page without scripts, in which nothing of the farm is markup, and neither faces nor templates', async () => {
    const unpacked = join(folder, 'look');
    expect(await readTarGz(path, unpacked)).toEqual(FILES);
    const page = await readFile(join(unpacked, 'index.html'), 'utf8');
    expect(page).toContain('Project &lt;Harbour&gt; &amp; &quot;co&quot;');
    expect(page).not.toMatch(/<script|<Harbour>|javascript:|https?:\/\//);
    expect(page).toContain(consentId);
    for (const name of FILES) {
      const text = await readFile(join(unpacked, name), 'utf8');
      // A template is 512 numbers, 2048 bytes in base64.
      expect(text, name).not.toMatch(/"template"|[A-Za-z0-9+/=]{1000,}/);
    }
  });

  it.each(FILES)('names %s when a byte of it was altered', async (name) => {
    const unpacked = await mkdtemp(join(folder, 'altered-'));
    await readTarGz(path, unpacked);
    const bytes = await readFile(join(unpacked, name));
    const at = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await writeFile(join(unpacked, name), bytes);
    const out = join(folder, `${randomUUID()}.tar.gz`);
    await writeTarGz(
      out,
      FILES.map((file) => join(unpacked, file)),
    );
    const found = await verifyBundle(out, {}).then(
      ({ faults }) => faults.map(({ file, message }) => `${file} ${message}`).join('\n'),
      (thrown: Error) => thrown.message,
    );
    // Of the manifest, what it says of the others.
    expect(found).toMatch(name === 'manifest.json' ? /manifest|is not the file/ : new RegExp(`${name}`));
  });

  it('is not saved by a manifest that was made anew: the farm signed the evidence', async () => {
    const unpacked = join(folder, 'forged');
    await readTarGz(path, unpacked);
    const text = await readFile(join(unpacked, 'evidence.json'), 'utf8');
    await writeFile(join(unpacked, 'evidence.json'), text.replace('"state":"active"', '"state":"revoked"'));
    const out = join(folder, 'forged.tar.gz');
    await writeTarGz(
      out,
      FILES.map((file) => join(unpacked, file)),
    );
    const { faults } = await verifyBundle(out, {});
    const messages = faults.map(({ message }) => message).join('\n');
    expect(messages).toContain('is not the one that was signed');
    expect(messages).toMatch(/state is "revoked", the log recorded "active"/);
  });

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['noise', () => Buffer.from([0x1f, 0x8b, ...Array.from({ length: 600 }, (_, n) => (n * 37) % 256)])],
  ])('that is %s is refused', async (_, change) => {
    const out = join(folder, `${randomUUID()}.tar.gz`);
    await writeFile(out, change(await readFile(path)));
    await expect(verifyBundle(out, {})).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('is given to whoever audits the project, and leaves a line in the log', async () => {
    for (const person of [officer, await farm.addUser(['org_admin']), await farm.addMember(projectId, 'producer')]) {
      const { status, body } = await farm.call('getEvidence', person.token);
      expect({ status, code: body.error?.code }).toEqual({ status: 403, code: 'FORBIDDEN' });
    }
    const stranger = await farm.addMember(await farm.addProject(), 'compliance_auditor');
    expect((await farm.call('getEvidence', stranger.token, { query: { projectId } })).status).toBe(404);
    expect((await farm.audit('evidence.exported'))[0]).toMatchObject({ actor: `user:${auditor.id}`, projectId });
  });

  it('holds of a period what was done in it, and still every event of its consents', async () => {
    const query = { projectId, from: '2020-01-01T00:00:00.000Z', to: '2020-02-01T00:00:00.000Z' };
    const { body } = await farm.call('getEvidence', auditor.token, { query });
    const early = JSON.parse(body.evidence) as Evidence;
    expect(early.consents.flatMap(({ uses }) => uses)).toEqual([]);
    const actions = early.events.map(({ event }) => (JSON.parse(event) as { action: string }).action);
    expect(actions).toContain('consent.activated');
    expect(actions).not.toContain('membership.granted');
  });
});

describe('a witness of a real farm', () => {
  it('cosigns it as it grows, and refuses a database that was put back', async () => {
    const state = join(folder, 'witness');
    const client = clientOf(auditor.token);
    const log = {
      checkpoint: () => client.call('getAuditCheckpoint', {}),
      consistency: (from: number) => client.call('getAuditConsistency', { query: { from } }),
    };
    const key = await witnessKey(join(folder, 'witness.pem'));
    const witness = new Witness(log, { folder: state, name: 'witness.example/1', key }, () => new Date());
    const first = await witness.look();
    await farm.call('getEvidence', auditor.token);
    expect((await witness.look()).size).toBeGreaterThan(first.size);
    const seen = await log.checkpoint();
    const behind = { ...log, checkpoint: () => Promise.resolve({ ...seen, note: evidence.checkpoint }) };
    const other = new Witness(behind, { folder: state, name: 'witness.example/1', key }, () => new Date());
    await expect(other.look()).rejects.toMatchObject({ code: 'AUDIT_LOG_BROKEN' });
    client.close();
  });
});
