import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTENT_ROUTES } from '@understudy/contracts';
import { readOutside, verifyExport } from '@understudy/tlog';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addSide, knockerOf, type Side } from './access-world.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { createTestDatabase, type TestDatabase } from './database.js';

const REASON = { reason: 'restored after the disk was lost; the revocation of Monday was entered again' };

let dataDir: string;
let settings: Record<string, string>;
let database: TestDatabase;
let farm: TestCoordinator;
let shot: Side;
let admin: TestPerson;
let auditor: TestPerson;
let worker: TestPerson;
let laneId: string;
let oldAnchor: string;

const anchorDir = (): string => join(dataDir, 'audit', 'anchor');
const fingerprint = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(join(path, 'checkpoints')))
    .update(await readFile(join(path, 'leaves')))
    .digest('hex');
const lease = () => farm.call('leaseTask', worker.token, { params: { laneId }, body: { waitSeconds: 0 } });

/** The whole database, file by file, as a backup has it. */
async function backup(): Promise<TestDatabase> {
  await farm.halt();
  const kept = await createTestDatabase({ of: database });
  farm = await TestCoordinator.start(settings, undefined, database);
  return kept;
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'restored-'));
  settings = { DATA_DIR: dataDir, SECRET_KEY: 'ab'.repeat(32), AUDIT_CHECKPOINT_SECONDS: '3600' };
  database = await createTestDatabase();
  farm = await TestCoordinator.start(settings, undefined, database);
  shot = await addSide(farm);
  admin = await farm.addUser(['org_admin']);
  auditor = await farm.addUser();
  const granted = { userId: auditor.id, role: 'compliance_auditor' };
  await farm.call('grantMembership', admin.token, { params: { projectId: shot.projectId }, body: granted });
  worker = await farm.addWorker();
  ({
    body: { laneId },
  } = await farm.call('registerLane', worker.token, {
    body: { ordinal: 0, host: 'host', capabilities: CAPABILITIES },
  }));
  await farm.call('getAuditCheckpoint', auditor.token);
  const kept = await backup();
  // After the backup: what a restored copy knows nothing of.
  const officer = await farm.addMember(shot.projectId, 'consent_officer');
  const params = { consentId: shot.consentId };
  expect(
    (await farm.call('revokeConsent', officer.token, { params, body: { reason: 'by the performer' } })).status,
  ).toBe(200);
  await farm.call('getAuditCheckpoint', auditor.token);
  oldAnchor = await fingerprint(anchorDir());
  // The disk is lost, the backup is put in its place.
  await farm.halt();
  await database.drop();
  database = kept;
  farm = await TestCoordinator.start(settings, undefined, database);
});
afterAll(async () => {
  await farm.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('a database restored from a backup', () => {
  it('has the consent active again that was revoked, and gives no lease', async () => {
    const rows = await farm.owner.query('SELECT state::text AS state FROM consents WHERE id = $1', [shot.consentId]);
    expect(rows).toEqual([{ state: 'active' }]);
    expect(await lease()).toMatchObject({ status: 503, body: { error: { code: 'LOG_BEHIND_ANCHOR' } } });
    const { body } = await farm.call('getRestore', auditor.token);
    expect(body.held).toMatch(/older copy/);
    expect(body.anchored?.size).toBeGreaterThan(body.log.size);
    expect(body.asked).toBeNull();
  });

  it.each([
    ['releases nothing', 'producer', 'POST', ({ deliveryId }: Side) => `/deliveries/${deliveryId}/release`, REASON],
    ['hands nothing out', 'artist', 'GET', ({ deliveryId }: Side) => `/deliveries/${deliveryId}/content`],
    ['shows nothing that was made', 'artist', 'GET', ({ shotId }: Side) => `/shots/${shotId}/stills/after`],
    [
      'shows the performer nothing either',
      'performer',
      'GET',
      ({ shotVersionId: id }: Side) => `/portal/shots/${id}/preview`,
    ],
    [
      'activates no consent',
      'consent_officer',
      'POST',
      ({ consentId }: Side) => `/consents/${consentId}/activate`,
      REASON,
    ],
  ] as const)('%s', async (_, role, method, path, body?: unknown) => {
    const { token = '' } = await knockerOf(farm, shot, role === 'performer' ? { performer: true } : { project: role });
    const answer = await farm.json(method, `/api/v1${path(shot)}`, { token, ...(body === undefined ? {} : { body }) });
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'LOG_BEHIND_ANCHOR' } } });
    // Not only its answer waits for the log: nothing was done.
    expect(await farm.owner.query('SELECT state::text AS state FROM deliveries')).toEqual([{ state: 'ready' }]);
    expect(await farm.audit('consent.activated')).toEqual([]);
  });

  it('goes on by nobody alone, by no two of one role, and by nobody without one', async () => {
    expect((await farm.call('acceptRestore', auditor.token, { body: REASON })).status).toBe(409);
    const producer = await farm.addMember(shot.projectId, 'producer');
    expect((await farm.call('askRestore', producer.token, { body: REASON })).status).toBe(403);
    expect((await farm.call('askRestore', admin.token, { body: REASON })).body.asked).toMatchObject({ by: admin.id });
    expect((await farm.call('acceptRestore', admin.token, { body: REASON })).status).toBe(403);
    const second = await farm.addUser(['org_admin']);
    expect((await farm.call('acceptRestore', second.token, { body: REASON })).status).toBe(403);
    expect((await farm.call('askRestore', second.token, { body: REASON })).status).toBe(409);
    await farm.call('getAuditCheckpoint', auditor.token);
    expect((await lease()).status).toBe(503);
  });

  it('is not let go on by what the database says somebody asked', async () => {
    const { tampering } = farm.owner;
    await farm.call('askRestore', admin.token, { body: REASON });
    await tampering.query('ALTER TABLE restore_acceptances DISABLE TRIGGER ALL');
    const second = await farm.addUser(['org_admin']);
    await tampering.query('UPDATE restore_acceptances SET asked_by = $1', [second.id]);
    expect((await farm.call('acceptRestore', auditor.token, { body: REASON })).body.error).toMatchObject({
      code: 'RECORD_ALTERED',
    });
    // Nor by one that it says was accepted.
    await tampering.query('UPDATE restore_acceptances SET approved_by = $1, decided_at = now()', [auditor.id]);
    await farm.call('getAuditCheckpoint', auditor.token);
    expect((await lease()).status).toBe(503);
    await tampering.query('UPDATE restore_acceptances SET asked_by = $1, approved_by = NULL, decided_at = NULL', [
      admin.id,
    ]);
    await tampering.query('ALTER TABLE restore_acceptances ENABLE TRIGGER ALL');
  });

  it('goes on once an org admin and a compliance auditor have said so, and the log tells both heads', async () => {
    const { body: before } = await farm.call('getRestore', auditor.token);
    const { status, body } = await farm.call('acceptRestore', auditor.token, { body: REASON });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({ held: null, asked: null });
    expect((await lease()).status).toBe(200);
    expect((await farm.audit('log.restore_accepted'))[0]).toMatchObject({
      actor: `user:${auditor.id}`,
      data: { anchored: before.anchored, log: before.log, askedBy: admin.id },
    });
    expect((await farm.call('acceptRestore', auditor.token, { body: REASON })).status).toBe(409);
  });

  it('keeps the old anchors as they were, and the log holds against the new ones', async () => {
    expect(await fingerprint(anchorDir())).toBe(oldAnchor);
    const lines = async (): Promise<string[]> =>
      (await (await farm.send('GET', CONTENT_ROUTES.auditExport, { token: auditor.token })).text()).split('\n');
    const found = await verifyExport(await lines(), { outside: await readOutside(anchorDir()) });
    expect(found.faults.filter(({ kind }) => kind !== 'row')).toEqual([]);
    expect(found.outsideSize).toBe(found.size);
    // Against the evidence that was kept, it is the log that lost entries.
    const evidence = await verifyExport(await lines(), {
      outside: await readOutside(join(anchorDir(), 'checkpoints')),
    });
    expect(evidence.faults).toContainEqual(expect.objectContaining({ kind: 'outside' }));
  });

  it('starts again in agreement, and is held again when it is put back once more', async () => {
    const kept = await backup();
    await farm.addProject();
    await farm.send('GET', CONTENT_ROUTES.auditExport, { token: auditor.token });
    await farm.call('getAuditCheckpoint', auditor.token);
    expect((await lease()).status).toBe(200);
    await farm.halt();
    await database.drop();
    database = kept;
    farm = await TestCoordinator.start(settings, undefined, database);
    expect((await lease()).status).toBe(503);
  });
});

const CAPABILITIES = {
  parityClass: { provider: 'cpu', precision: 'fp32', runtime: 'test', instructionSet: 'test', batch: 1 },
  kinds: ['render'],
  threads: 1,
  vramMiB: 0,
  packs: ['default'],
};
