import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ObjectStore, ProjectObjects } from '@understudy/storage';
import { Deletions } from '../../apps/coordinator/src/consents/deletions.js';
import { FaceRetention } from '../../apps/coordinator/src/performers/face-retention.js';
import { OBJECT_STORE } from '../../apps/coordinator/src/platform/tokens.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inDays, sha, signed, statement, template } from './consent-documents.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';

let farm: TestCoordinator;
let projectId: string;
let person: TestPerson;
let laneId: string;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  projectId = await farm.addProject('local', 'L0');
  person = await farm.addMember(projectId, 'consent_officer');
  const worker = await farm.addWorker();
  laneId = randomUUID();
  await farm.owner.query(
    `INSERT INTO lanes (id, worker_id, ordinal, host, capabilities, parity_class) VALUES ($1, $2, 0, 'h', '{}', 'cpu')`,
    [laneId, worker.id],
  );
});
afterAll(() => farm.stop());

let people = 10;
async function consent(): Promise<{ id: string; performerId: string }> {
  const [project] = await farm.owner.query<{ name: string }>('SELECT name FROM projects WHERE id = $1', [projectId]);
  people += 1;
  const of = statement({ project: project?.name ?? '', performer: `P-${people}`, person: people });
  of.parties[0]!.faces[0]!.sha256 = sha('a');
  const { body } = await farm.call('importConsent', person.token, { params: { projectId }, body: signed(of) });
  const [made] = body.consents;
  return { id: made?.id ?? '', performerId: made?.performerId ?? '' };
}

interface Seeded {
  readonly versionId: string;
  readonly shotId: string;
}

/** A version in some state, with one task running and one accepted, and a delivery. */
async function shot(state: string, identityConsentId: string, plateConsentId: string): Promise<Seeded> {
  const [shotId, versionId, plateId, running, accepted] = Array.from({ length: 5 }, () => randomUUID());
  const query = farm.owner.query.bind(farm.owner);
  await query(
    `INSERT INTO assets (id, project_id, kind, sha256, bytes, complete) VALUES ($1, $2, 'plate', $3, 1, true)`,
    [plateId, projectId, randomUUID().replaceAll('-', '').repeat(2)],
  );
  await query('INSERT INTO shots (id, project_id, name, created_by) VALUES ($1, $2, $3, $4)', [
    shotId,
    projectId,
    `Shot ${versionId}`,
    person.id,
  ]);
  await query(
    `INSERT INTO shot_versions (id, shot_id, version, state, plate_asset_id, settings, created_by, waivers)
     VALUES ($1, $2, 1, $3::shot_state, $4, '{}', $5, '{}')`,
    [versionId, shotId, state, plateId, person.id],
  );
  await query(
    `INSERT INTO cast_members (shot_version_id, "cast", plate_performer_id, plate_reference_asset_ids, plate_consent_id,
       identity_performer_id, identity_asset_ids, identity_consent_id, tracks)
     VALUES ($1, 0, $2, '{}', $3, $4, '{}', $5, '{}')`,
    [versionId, randomUUID(), plateConsentId, randomUUID(), identityConsentId],
  );
  await query(
    `INSERT INTO tasks (id, kind, shot_version_id, start_frame, end_frame, state, epoch)
     VALUES ($1, 'render', $3, 0, 10, 'leased', 1), ($2, 'render', $3, 10, 20, 'accepted', 1)`,
    [running, accepted, versionId],
  );
  await query(
    `INSERT INTO attempts (id, task_id, epoch, lane_id, expires_at, consent_ids)
     VALUES ($1, $2, 1, $3, now() + interval '1 h', '{}')`,
    [randomUUID(), running, laneId],
  );
  await query(
    `INSERT INTO segments (task_id, epoch, sha256, bytes, frames, frame_hashes) VALUES ($1, 1, $2, 1, 10, '{}')`,
    [accepted, sha('b')],
  );
  await query(
    `INSERT INTO deliveries (id, shot_version_id, state, sha256, bytes, frames) VALUES ($1, $2, 'ready', $3, 1, 20)`,
    [randomUUID(), versionId, sha('c')],
  );
  return { versionId: versionId ?? '', shotId: shotId ?? '' };
}

interface Reached {
  state: string;
  errorCode: string | null;
  tasks: string[];
  orders: (string | null)[];
  quarantined: boolean;
  delivery: string;
}
async function reached({ versionId }: Seeded): Promise<Reached | undefined> {
  const [row] = await farm.owner.query<Reached>(
    `SELECT v.state::text AS state, v.error_code AS "errorCode",
       ARRAY(SELECT state::text FROM tasks WHERE shot_version_id = v.id ORDER BY start_frame) AS tasks,
       ARRAY(SELECT "order" FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE t.shot_version_id = v.id) AS orders,
       (SELECT bool_and(quarantined_at IS NOT NULL) FROM segments s JOIN tasks t ON t.id = s.task_id
        WHERE t.shot_version_id = v.id) AS quarantined,
       (SELECT state::text FROM deliveries WHERE shot_version_id = v.id) AS delivery
     FROM shot_versions v WHERE v.id = $1`,
    [versionId],
  );
  return row;
}
const revoke = (consentId: string) =>
  farm.call('revokeConsent', person.token, { params: { consentId }, body: { reason: 'the performer asked for it' } });

describe('revoking a consent', () => {
  it.each(['rendering', 'analysing', 'assembling', 'held', 'ready', 'released'])(
    'reaches a shot that is %s, with all that was made of it',
    async (state) => {
      const [identity, plate] = [await consent(), await consent()];
      const seeded = await shot(state, identity.id, plate.id);
      expect((await revoke(state === 'ready' ? plate.id : identity.id)).status).toBe(200);
      expect(await reached(seeded)).toEqual({
        state: 'revoked',
        errorCode: 'CONSENT_REVOKED',
        tasks: ['cancelled', 'accepted'],
        orders: ['revoked'],
        quarantined: true,
        delivery: 'locked',
      });
      const locked = (await farm.audit('delivery.locked')).filter((event) => event.data['consentId'] !== undefined);
      expect(locked.length).toBeGreaterThan(0);
    },
  );

  it.each(['failed', 'cancelled'])('leaves a shot %s, but locks what was made of it', async (state) => {
    const [identity, plate] = [await consent(), await consent()];
    const seeded = await shot(state, identity.id, plate.id);
    await revoke(identity.id);
    expect(await reached(seeded)).toMatchObject({ state, quarantined: true, delivery: 'locked' });
  });

  it('leaves shots under other consents alone', async () => {
    const [revoked, identity, plate] = [await consent(), await consent(), await consent()];
    const seeded = await shot('rendering', identity.id, plate.id);
    await revoke(revoked.id);
    expect(await reached(seeded)).toMatchObject({
      state: 'rendering',
      orders: [null],
      quarantined: false,
      delivery: 'ready',
    });
  });

  describe('of several versions', () => {
    async function versions() {
      const [project] = await farm.owner.query<{ name: string }>('SELECT name FROM projects WHERE id = $1', [
        projectId,
      ]);
      people += 1;
      const first = statement({ project: project?.name ?? '', performer: `P-${people}`, person: people });
      first.parties[0]!.faces[0]!.sha256 = sha('a');
      const ids: string[] = [];
      for (const issuedAt of [inDays(-2), inDays(-1)]) {
        const body = signed({ ...first, issuedAt });
        const made = await farm.call('importConsent', person.token, { params: { projectId }, body });
        ids.push(made.body.consents[0]?.id ?? '');
      }
      const [older = '', newer = ''] = ids;
      const plate = await consent();
      const made = { older: await shot('ready', older, plate.id), newer: await shot('ready', newer, plate.id) };
      return { older, newer, made };
    }

    it('reaches what was made under the versions before it', async () => {
      const { newer, made } = await versions();
      expect((await revoke(newer)).body).toMatchObject({ state: 'revoked' });
      for (const seeded of Object.values(made)) {
        expect(await reached(seeded)).toMatchObject({ state: 'revoked', quarantined: true, delivery: 'locked' });
      }
    });

    it('takes back what was made under one that was superseded, which stays so, and leaves the newer alone', async () => {
      const { older, newer, made } = await versions();
      const { status, body } = await revoke(older);
      expect({ status, state: body.state }).toEqual({ status: 200, state: 'superseded' });
      expect(await reached(made.older)).toMatchObject({ state: 'revoked', quarantined: true, delivery: 'locked' });
      expect(await reached(made.newer)).toMatchObject({ state: 'ready', delivery: 'ready' });
      const [event] = (await farm.audit('consent.withdrawn')).filter((one) => one.subjectId === older);
      expect(event?.data).toMatchObject({ from: 'superseded', shotVersions: [made.older.versionId] });
      const rows = await farm.owner.query('SELECT state::text AS state FROM consents WHERE id = $1', [newer]);
      expect(rows).toEqual([{ state: 'active' }]);
      const scheduled = (await farm.audit('deletion.scheduled')).map((one) => one.subjectId);
      expect(scheduled).toContain(made.older.versionId);
    });
  });

  it('names the versions it reached in its event', async () => {
    const [identity, plate] = [await consent(), await consent()];
    const seeded = await shot('rendering', identity.id, plate.id);
    await revoke(identity.id);
    const [event] = await farm.audit('consent.revoked');
    expect(event).toMatchObject({ subjectId: identity.id, data: { shotVersions: [seeded.versionId] } });
  });

  it('of both sides at the same moment ends both, whoever holds what first', async () => {
    const [identity, plate] = [await consent(), await consent()];
    const seeded = await Promise.all([1, 2, 3].map(() => shot('rendering', identity.id, plate.id)));
    const answers = await Promise.all([revoke(identity.id), revoke(plate.id)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    for (const version of seeded) expect((await reached(version))?.state).toBe('revoked');
  });
});

describe('deletion', () => {
  const deletions = () => farm.app.get(Deletions);
  const store = (): ProjectObjects => farm.app.get<ObjectStore>(OBJECT_STORE, { strict: false }).of(projectId);
  async function* bytes(text: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  /** Gives a seeded shot real files: its segment's and its delivery's. */
  async function withFiles({ versionId }: Seeded, segment: string): Promise<{ segment: string; delivery: string }> {
    const [made, joined] = [await store().put(bytes(segment)), await store().put(bytes(`joined ${versionId}`))];
    await farm.owner.query(
      'UPDATE segments SET sha256 = $2 WHERE task_id IN (SELECT id FROM tasks WHERE shot_version_id = $1)',
      [versionId, made.sha256],
    );
    await farm.owner.query('UPDATE deliveries SET sha256 = $2 WHERE shot_version_id = $1', [versionId, joined.sha256]);
    return { segment: made.sha256, delivery: joined.sha256 };
  }
  const elapse = ({ versionId }: Seeded) =>
    farm.owner.query(`UPDATE deletions SET due_at = now() - interval '1 s' WHERE shot_version_id = $1`, [versionId]);

  it('is scheduled with the revocation, carried out when it is due and certified in the log', async () => {
    const [identity, plate] = [await consent(), await consent()];
    const seeded = await shot('rendering', identity.id, plate.id);
    const files = await withFiles(seeded, `segment ${seeded.versionId}`);
    const still = join(farm.config.DATA_DIR, 'stills', projectId, `${files.segment}-3-full.png`);
    mkdirSync(dirname(still), { recursive: true });
    writeFileSync(still, 'a frame');
    await revoke(identity.id);
    const [scheduled] = await farm.audit('deletion.scheduled');
    expect(scheduled).toMatchObject({ subjectId: seeded.versionId, data: { consentId: identity.id } });
    const days = (Date.parse(String(scheduled?.data['dueAt'])) - Date.now()) / 86_400_000;
    expect(days).toBeCloseTo(30, 1);
    await deletions().sweep();
    expect(await store().stat(files.segment)).not.toBeNull();
    await elapse(seeded);
    // The lane could still send something until its lease is over.
    await deletions().sweep();
    expect(await store().stat(files.segment)).not.toBeNull();
    await farm.owner.query(
      `UPDATE attempts SET state = 'stopped' WHERE task_id IN (SELECT id FROM tasks WHERE shot_version_id = $1)`,
      [seeded.versionId],
    );
    expect(await deletions().sweep()).toBe(1);
    expect(await store().stat(files.segment)).toBeNull();
    expect(await store().stat(files.delivery)).toBeNull();
    expect(existsSync(still)).toBe(false);
    const certificates = (await farm.audit('deletion.certified')).filter((e) => e.subjectId === seeded.versionId);
    expect(certificates).toHaveLength(1);
    expect(certificates[0]?.data).toEqual({
      consentId: identity.id,
      deleted: [
        { kind: 'delivery', sha256: files.delivery },
        { kind: 'segment', sha256: files.segment },
      ],
      keptForOthers: [],
    });
    expect(await deletions().sweep()).toBe(0);
  });

  it('leaves bytes that another shot made too, and says so', async () => {
    const [revoked, other, plate] = [await consent(), await consent(), await consent()];
    const seeded = await shot('ready', revoked.id, plate.id);
    const neighbour = await shot('ready', other.id, plate.id);
    const files = await withFiles(seeded, 'the very same frames');
    await withFiles(neighbour, 'the very same frames');
    await revoke(revoked.id);
    await elapse(seeded);
    await farm.owner.query(
      `UPDATE attempts SET state = 'stopped' WHERE task_id IN (SELECT id FROM tasks WHERE shot_version_id = $1)`,
      [seeded.versionId],
    );
    await deletions().sweep();
    expect(await store().stat(files.segment)).not.toBeNull();
    const [certificate] = (await farm.audit('deletion.certified')).filter((e) => e.subjectId === seeded.versionId);
    expect(certificate?.data['keptForOthers']).toEqual([{ kind: 'segment', sha256: files.segment }]);
  });

  describe('assets of the same bytes as what is to be deleted', () => {
    const addAsset = async (sha256: string, { complete, created }: { complete: boolean; created: string }) =>
      farm.owner.query(
        `INSERT INTO assets (id, project_id, kind, sha256, bytes, complete, created_at)
       VALUES (gen_random_uuid(), $1, 'plate', $2, 5, $3, now() + $4::interval)`,
        [projectId, sha256, complete, created],
      );

    it.each([
      ['announced and never uploaded: it keeps nothing', { complete: false, created: '1 s' }, null],
      [
        'a copy that was uploaded afterwards: it counts as made, and goes',
        { complete: true, created: '1 s' },
        'deleted',
      ],
      ['there before the version was: it stays', { complete: true, created: '-1 day' }, 'keptForOthers'],
    ] as const)('%s', async (name, asset, listed) => {
      const [identity, plate] = [await consent(), await consent()];
      const seeded = await shot('ready', identity.id, plate.id);
      const files = await withFiles(seeded, `frames of ${name}`);
      await addAsset(files.delivery, asset);
      await revoke(identity.id);
      await elapse(seeded);
      await farm.owner.query(
        `UPDATE attempts SET state = 'stopped' WHERE task_id IN (SELECT id FROM tasks WHERE shot_version_id = $1)`,
        [seeded.versionId],
      );
      expect(await deletions().sweep()).toBe(1);
      const kept = listed === 'keptForOthers';
      expect((await store().stat(files.delivery)) !== null).toBe(kept);
      const [certificate] = (await farm.audit('deletion.certified')).filter((e) => e.subjectId === seeded.versionId);
      const of = { sha256: files.delivery };
      expect(certificate?.data[kept ? 'keptForOthers' : 'deleted']).toContainEqual({ kind: 'delivery', ...of });
      const listing = ((certificate?.data['deleted'] ?? []) as unknown[]).filter(
        (one) => (one as { kind: string }).kind === 'asset',
      );
      expect(listing).toEqual(listed === 'deleted' ? [{ kind: 'asset', ...of }] : []);
      expect(await farm.owner.query('SELECT complete FROM assets WHERE sha256 = $1', [files.delivery])).toEqual([
        { complete: kept },
      ]);
    });
  });
});

describe('enrolled faces', () => {
  it('are sealed in the database, in no document, and forgotten with the consent that binds them', async () => {
    const [gone, stays] = [await consent(), await consent()];
    const faces = ({ performerId }: { performerId: string }) =>
      farm.owner.query<{ template: Buffer; document: string }>(
        `SELECT f.template, c.document::text AS document FROM performer_faces f
           JOIN consents c ON c.id = f.consent_id WHERE f.performer_id = $1`,
        [performerId],
      );
    const [row] = await faces(gone);
    const plain = Buffer.from(template(people - 1), 'base64');
    expect(row?.template.includes(plain.subarray(0, 32))).toBe(false);
    expect(row?.template).toHaveLength(2048 + 4 + 12 + 16);
    expect(row?.document).toContain('"sha256"');
    expect(row?.document).not.toContain('"template"');
    await farm.app.get(FaceRetention).sweep();
    expect(await faces(gone)).toHaveLength(1);
    await revoke(gone.id);
    expect(await farm.app.get(FaceRetention).sweep()).toBeGreaterThan(0);
    expect(await faces(gone)).toEqual([]);
    expect(await faces(stays)).toHaveLength(1);
    const [event] = (await farm.audit('performer.faces_dropped')).filter((e) => e.subjectId === gone.performerId);
    expect(event?.data).toEqual({ faces: 1 });
  });
});
