import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendAuditEvent, RecordSeals, sealUnsealed } from '@understudy/db';
import type { Lane } from '../../apps/coordinator/src/shards/lane.js';
import { ConsentRepository } from '../../apps/coordinator/src/consents/consent.repository.js';
import { ShardsFarm } from './shards-farm.js';
import { revokeConsent, type ShotFixture } from './shot-fixture.js';

let farm: ShardsFarm;
let lane: Lane;
beforeAll(async () => {
  farm = await ShardsFarm.start();
  lane = await farm.addLane();
});
afterAll(() => farm.stop());

const shotOf = (scope = {}): Promise<ShotFixture> => farm.addShot({ count: 2 }, { scope });
const elsewhere = `UPDATE consents SET scope = scope || '{"project": "another"}' WHERE id = $1`;

const TOLD = { actor: 'system', subjectType: 'Consent', data: {} };

/** What the owner does past the service, to a shot that could be leased, or to one whose consents forbid it. */
const TAMPERINGS: [string, (shot: ShotFixture) => Promise<unknown>, (shot: ShotFixture) => Promise<unknown>][] = [
  [
    "a consent's state, from revoked to active",
    (shot) =>
      farm.owner.query(`UPDATE consents SET state = 'revoked', revoked_at = now() WHERE id = $1`, [
        shot.plateConsentId,
      ]),
    (shot) =>
      farm.owner.tampering.hotTransaction(async (sql) => {
        await sql.query('ALTER TABLE consents DISABLE TRIGGER USER');
        await sql.query(`UPDATE consents SET state = 'active', revoked_at = NULL WHERE id = $1`, [shot.plateConsentId]);
        await sql.query('ALTER TABLE consents ENABLE TRIGGER USER');
      }),
  ],
  [
    "a consent's scope, made wider",
    (shot) =>
      farm.owner.query(`UPDATE consents SET scope = scope || '{"shots": ["another"]}' WHERE id = $1`, [
        shot.identityConsentId,
      ]),
    (shot) =>
      farm.owner.tampering.query(`UPDATE consents SET scope = scope - 'shots' WHERE id = $1`, [shot.identityConsentId]),
  ],
  [
    "a consent's hold",
    (shot) => farm.owner.query(`UPDATE consents SET holds = '{strike}' WHERE id = $1`, [shot.identityConsentId]),
    (shot) => farm.owner.tampering.query(`UPDATE consents SET holds = '{}' WHERE id = $1`, [shot.identityConsentId]),
  ],
  [
    'a cast: another performer, under a consent of theirs',
    () => Promise.resolve(),
    async (shot) => {
      const other = await shotOf();
      await farm.owner.tampering.query(
        `UPDATE cast_members m SET identity_performer_id = o.identity_performer_id, identity_consent_id = o.identity_consent_id
           FROM cast_members o WHERE m.shot_version_id = $1 AND o.shot_version_id = $2`,
        [shot.shotVersionId, other.shotVersionId],
      );
      await farm.owner.query(`UPDATE tasks SET state = 'cancelled' WHERE shot_version_id = $1`, [other.shotVersionId]);
    },
  ],
  [
    'a cast: another face of the plate',
    () => Promise.resolve(),
    (shot) =>
      farm.owner.tampering.query(`UPDATE cast_members SET tracks = '{1}' WHERE shot_version_id = $1`, [
        shot.shotVersionId,
      ]),
  ],
  [
    'a cast: other bytes under the identity image',
    () => Promise.resolve(),
    (shot) =>
      farm.owner.tampering.query(`UPDATE assets SET sha256 = repeat('e', 64) WHERE id = $1`, [shot.identityAssetId]),
  ],
  [
    'a cast: its member taken away',
    () => Promise.resolve(),
    (shot) => farm.owner.tampering.query('DELETE FROM cast_members WHERE shot_version_id = $1', [shot.shotVersionId]),
  ],
  [
    'the seal itself, moved here from another row',
    (shot) => farm.owner.query(`UPDATE consents SET state = 'suspended' WHERE id = $1`, [shot.plateConsentId]),
    async (shot) => {
      await farm.owner.tampering.query(
        `UPDATE consents c SET state = 'active', seal = o.seal FROM consents o WHERE c.id = $1 AND o.id = $2`,
        [shot.plateConsentId, shot.identityConsentId],
      );
    },
  ],
  [
    'no seal at all',
    () => Promise.resolve(),
    (shot) => farm.owner.tampering.query('UPDATE consents SET seal = NULL WHERE id = $1', [shot.plateConsentId]),
  ],
];

describe('the next claim', () => {
  it.each(TAMPERINGS)('refuses by SQL %s', async (_, before, tamper) => {
    const shot = await shotOf();
    await before(shot);
    await tamper(shot);
    expect(await farm.claims.claim(lane)).toBeNull();
    const ended = await farm.one<{ state: string; code: string; message: string }>(
      'SELECT state::text AS state, error_code AS code, error_message AS message FROM shot_versions WHERE id = $1',
      [shot.shotVersionId],
    );
    expect(ended).toMatchObject({ state: 'failed', code: 'RECORD_ALTERED' });
    expect(ended.message).toMatch(/changed past the service/);
    const [event] = await farm.owner.query<{ canonical: string }>(
      `SELECT canonical FROM audit_events WHERE subject_id = $1 AND action = 'shot.failed'`,
      [shot.shotVersionId],
    );
    expect(event?.canonical).toContain('RECORD_ALTERED');
  });

  it('refuses a revoked consent that was put back as it was, seal and all: the log has gone on', async () => {
    const shot = await shotOf();
    const id = shot.plateConsentId;
    const tell = (action: string) =>
      appendAuditEvent(farm.owner, { ...TOLD, action, subjectId: id, projectId: shot.projectId }, new Date());
    await tell('consent.imported');
    await tell('consent.activated');
    const { tampering } = farm.owner;
    await tampering.query(`CREATE TABLE kept_consent AS SELECT * FROM consents WHERE id = '${id}'`);
    await revokeConsent(farm.owner, id);
    await tell('consent.revoked');
    await tampering.hotTransaction(async (sql) => {
      await sql.query('ALTER TABLE consents DISABLE TRIGGER USER');
      await sql.query(
        'UPDATE consents c SET state = k.state, revoked_at = k.revoked_at, seal = k.seal FROM kept_consent k WHERE c.id = k.id',
      );
      await sql.query('ALTER TABLE consents ENABLE TRIGGER USER');
    });
    expect(await farm.claims.claim(lane)).toBeNull();
    const row = await farm.one('SELECT error_code AS code FROM shot_versions WHERE id = $1', [shot.shotVersionId]);
    expect(row).toEqual({ code: 'RECORD_ALTERED' });
  });

  it('takes what nobody touched, and what was put back', async () => {
    const shot = await farm.addShot({ count: 2 });
    await farm.owner.tampering.query(elsewhere, [shot.identityConsentId]);
    await farm.owner.tampering.query(
      `UPDATE consents SET scope = scope || jsonb_build_object('project', p.name) FROM projects p
        WHERE consents.id = $1 AND p.id = consents.project_id`,
      [shot.identityConsentId],
    );
    const leased = [await farm.claim(lane), await farm.claim(lane)].map(({ taskId }) => taskId);
    expect(new Set(leased)).toEqual(new Set(shot.taskIds));
  });

  it('takes no consent that only carries the seal of another farm', async () => {
    const shot = await shotOf();
    const foreign = new RecordSeals('cd'.repeat(32));
    await farm.owner.tampering.query('UPDATE consents SET seal = NULL WHERE id = $1', [shot.identityConsentId]);
    expect(await sealUnsealed(farm.owner.tampering, foreign, 'consents')).toBeGreaterThanOrEqual(1);
    expect(await farm.claims.claim(lane)).toBeNull();
  });
});

describe('what the service writes itself', () => {
  it('does not make an altered consent sound again', async () => {
    const shot = await shotOf({ shots: ['another'] });
    const consents = farm.get(ConsentRepository);
    const id = shot.plateConsentId;
    await farm.owner.tampering.query(`UPDATE consents SET scope = scope - 'shots' WHERE id = $1`, [id]);
    await farm.database.transaction(async (tx) => {
      await consents.update(tx, id, { holds: { set: ['strike'] } });
      await expect(consents.requireUnaltered(tx, id)).rejects.toMatchObject({ code: 'RECORD_ALTERED' });
      await consents.update(tx, shot.identityConsentId, { stateReason: randomUUID() });
      await consents.requireUnaltered(tx, shot.identityConsentId);
    });
    expect(await farm.claims.claim(lane)).toBeNull();
  });
});
