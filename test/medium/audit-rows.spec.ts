import { randomUUID } from 'node:crypto';
import { CONTENT_ROUTES } from '@understudy/contracts';
import { verifyExport } from '@understudy/tlog';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AuditWriter } from '../../apps/coordinator/src/audit/audit-writer.js';
import { signed, statement } from './consent-documents.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addShot } from './shot-fixture.js';

/** As somebody who may switch a table's triggers off. */
const pastTheTrigger = (change: string): string =>
  `ALTER TABLE projects DISABLE TRIGGER projects_terms_stay; ${change};
   ALTER TABLE projects ENABLE ALWAYS TRIGGER projects_terms_stay`;

describe('rows that the log speaks of, changed by SQL', () => {
  let rows: TestCoordinator;
  let reader: TestPerson;
  let projectId: string;
  let consentId: string;
  let shotVersionId: string;
  let identityAssetId: string;
  let memberId: string;
  let cast: string;
  const taskId = randomUUID();
  beforeAll(async () => {
    rows = await TestCoordinator.start();
    const admin = await rows.addUser(['org_admin']);
    const { projectId: of, ...shot } = await addShot(rows.owner);
    projectId = of;
    // The fixture's own consents came past the log.
    await rows.owner.query('ALTER TABLE cast_members DISABLE TRIGGER ALL');
    await rows.owner.query('DELETE FROM consents');
    const [{ name = '' } = {}] = await rows.owner.query<{ name: string }>('SELECT name FROM projects WHERE id = $1', [
      of,
    ]);
    const member = await rows.addUser();
    const officer = await rows.addUser();
    memberId = member.id;
    const grant = (userId: string, role: string) =>
      rows.call('grantMembership', admin.token, { params: { projectId: of }, body: { userId, role } });
    await grant(member.id, 'producer');
    await grant(officer.id, 'consent_officer');
    reader = await rows.addUser();
    await grant(reader.id, 'compliance_auditor');
    const { body } = await rows.call('importConsent', member.token, {
      params: { projectId: of },
      body: signed(statement({ project: name })),
    });
    consentId = body.consents[0]?.id ?? '';
    await rows.call('activateConsent', officer.token, {
      params: { consentId },
      body: { reason: 'papers are in order', waiveNotice: 'counsel agreed' },
    });
    cast = `${shot.shotVersionId}/0`;
    await rows.owner.query('UPDATE cast_members SET identity_consent_id = $1', [consentId]);
    const [castRow] = await rows.owner.query<Record<string, unknown>>(
      `SELECT "cast", identity_consent_id AS "identityConsentId", plate_consent_id AS "plateConsentId",
              identity_asset_ids AS "identityAssetIds", identity_performer_id AS "identityPerformerId",
              plate_performer_id AS "platePerformerId", plate_reference_asset_ids AS "plateReferenceAssetIds" FROM cast_members`,
    );
    const writer = rows.app.get(AuditWriter);
    const say = (action: string, subjectType: string, subjectId: string, data: Record<string, unknown>) =>
      writer.append(rows.owner, { actor: 'system', action, subjectType, subjectId, projectId: of, data });
    await say('project.created', 'Project', of, { profile: 'farm', leastLevel: 'L1', commercial: false });
    shotVersionId = shot.shotVersionId;
    identityAssetId = shot.identityAssetId;
    const assets = await rows.owner.query<{ id: string; kind: string; sha256: string; bytes: bigint }>(
      'SELECT id, kind::text AS kind, sha256, bytes FROM assets',
    );
    for (const { id, kind, sha256: content, bytes } of assets) {
      await say('asset.stored', 'Asset', id, { kind, sha256: content, bytes: Number(bytes) });
    }
    const version = { plateAssetId: shot.plateAssetId, matteAssetId: null };
    await say('shot.submitted', 'ShotVersion', shotVersionId, { ...version, cast: [castRow] });
    const [{ tracks = [] } = {}] = await rows.owner.query<{ tracks: number[] }>('SELECT tracks FROM cast_members');
    await say('shot.rendering', 'ShotVersion', shotVersionId, { cast: [{ cast: 0, tracks }] });
    await say('task.leased', 'Task', taskId, { kind: 'render' });
    const sha256 = 'a'.repeat(64);
    await say('attempt.accepted', 'Attempt', randomUUID(), { task: taskId, epoch: 1, sha256, frames: 10 });
    await rows.owner.query(
      `INSERT INTO tasks (id, kind, shot_version_id, start_frame, end_frame, state, epoch) VALUES ($1, 'render', $2, 0, 10, 'accepted', 1)`,
      [taskId, shot.shotVersionId],
    );
    await rows.owner.query(`INSERT INTO segments (task_id, epoch, sha256, bytes, frames) VALUES ($1, 1, $2, 5, 10)`, [
      taskId,
      sha256,
    ]);
  });
  afterAll(() => rows.stop());
  const undo: string[] = [];
  afterEach(async () => {
    for (const statement of undo.splice(0)) await rows.owner.query(statement);
  });
  const rowFaults = async () => {
    const response = await rows.send('GET', CONTENT_ROUTES.auditExport, { token: reader.token });
    expect(response.status).toBe(200);
    const { faults } = await verifyExport((await response.text()).split('\n'), {});
    return faults.map(({ row }) => row);
  };

  it.each([`profile = 'local'`, `least_level = 'L0'`])(
    'a project stays what it was created as, for the running service and for the owner: %s',
    async (change) => {
      for (const who of [rows.runtime, rows.owner]) {
        await expect(who.query(`UPDATE projects SET ${change}`)).rejects.toThrow('stays what it was created as');
      }
    },
  );

  it('nothing is said while nobody touched them', async () => {
    expect(await rowFaults()).toEqual([]);
  });

  it.each([
    [
      "a consent's state",
      () => `UPDATE consents SET state = 'suspended'`,
      `UPDATE consents SET state = 'active'`,
      'consents',
      () => consentId,
    ],
    [
      "a consent's scope",
      () => `UPDATE consents SET scope = scope || '{"operations": ["replace", "restore"]}'`,
      `UPDATE consents SET scope = document->'statement'->'scope'`,
      'consents',
      () => consentId,
    ],
    [
      "a consent's level",
      () => `UPDATE consents SET level = 'L0'`,
      `UPDATE consents SET level = 'L1'`,
      'consents',
      () => consentId,
    ],
    [
      'a cast',
      () =>
        `UPDATE cast_members SET plate_performer_id = identity_performer_id, identity_performer_id = plate_performer_id`,
      `UPDATE cast_members SET plate_performer_id = identity_performer_id, identity_performer_id = plate_performer_id`,
      'cast_members',
      () => cast,
    ],
    [
      'the tracks of a cast',
      () => `ALTER TABLE cast_members ADD COLUMN kept int[]; UPDATE cast_members SET kept = tracks, tracks = '{7}'`,
      `UPDATE cast_members SET tracks = kept; ALTER TABLE cast_members DROP COLUMN kept`,
      'cast_members',
      () => cast,
    ],
    [
      "an identity image's bytes",
      () =>
        `ALTER TABLE assets ADD COLUMN kept text;
         UPDATE assets SET kept = sha256, sha256 = repeat('c', 64) WHERE kind = 'identity'`,
      `UPDATE assets SET sha256 = kept WHERE kept IS NOT NULL; ALTER TABLE assets DROP COLUMN kept`,
      'assets',
      () => identityAssetId,
    ],
    [
      'the plate of a version',
      () => `UPDATE shot_versions SET plate_asset_id = '${identityAssetId}'`,
      `UPDATE shot_versions SET plate_asset_id = (SELECT id FROM assets WHERE kind = 'plate')`,
      'shot_versions',
      () => shotVersionId,
    ],
    [
      'the matte of a version',
      () => `UPDATE shot_versions SET settings = settings || '{"matteAssetId": "${randomUUID()}"}'`,
      `UPDATE shot_versions SET settings = settings - 'matteAssetId'`,
      'shot_versions',
      () => shotVersionId,
    ],
    [
      "a segment's hash",
      () => `UPDATE segments SET sha256 = repeat('b', 64)`,
      `UPDATE segments SET sha256 = repeat('a', 64)`,
      'segments',
      () => taskId,
    ],
    [
      'a role',
      () => `UPDATE memberships SET role = 'artist' WHERE user_id = '${memberId}'`,
      `UPDATE memberships SET role = 'producer' WHERE role = 'artist'`,
      'memberships',
      () => memberId,
    ],
    [
      "a project's profile, on which four eyes hang",
      () => pastTheTrigger(`UPDATE projects SET profile = 'local'`),
      pastTheTrigger(`UPDATE projects SET profile = 'farm'`),
      'projects',
      () => projectId,
    ],
    [
      "a project's least level",
      () => pastTheTrigger(`UPDATE projects SET least_level = 'L0'`),
      pastTheTrigger(`UPDATE projects SET least_level = 'L1'`),
      'projects',
      () => projectId,
    ],
    [
      'a segment taken out',
      () => `CREATE TABLE kept AS SELECT * FROM segments; DELETE FROM segments`,
      `INSERT INTO segments SELECT * FROM kept`,
      'segments',
      () => taskId,
    ],
  ])('%s: the row is named', async (_, change, back, table, id) => {
    if (back !== '') undo.push(back);
    await rows.owner.query(change());
    const faults = await rowFaults();
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.every((row) => row?.table === table && row.id.includes(id()))).toBe(true);
  });
});
