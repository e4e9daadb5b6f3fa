import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Stage, StagesFarm } from './stages-farm.js';
import { refused } from './refused.js';
import { useStages } from './use-stages.js';

let folder: string;
let plate: string;
let farm: StagesFarm;
let stage: Stage;

useStages((world) => {
  ({ folder, plate, farm, stage } = world);
});

describe('submission', () => {
  it('refuses a cast without consents, with every reason', async () => {
    await farm.owner.query('DELETE FROM consents WHERE project_id = $1', [stage.projectId]);
    const error = await refused(farm.submit(stage));
    expect(error).toMatchObject({ code: 'CONSENT_REQUIRED', details: { point: 'submit' } });
    expect(error.details?.['reasons']).toEqual([
      expect.objectContaining({ cast: 0, role: 'identity', reasons: ['CONSENT_REQUIRED'] }),
      expect.objectContaining({ cast: 0, role: 'plate', reasons: ['CONSENT_REQUIRED'] }),
    ]);
    expect(await farm.owner.query('SELECT 1 FROM shots WHERE project_id = $1', [stage.projectId])).toEqual([]);
  });

  it.each([
    ['CONSENT_OUT_OF_SCOPE', `scope || '{"operations": ["restore"]}'`, `state`],
    ['CONSENT_OUT_OF_SCOPE', `scope || '{"project": "another"}'`, `state`],
    ['CONSENT_OUT_OF_SCOPE', `scope || '{"plates": []}'`, `state`],
    ['CONSENT_EXPIRED', `scope || '{"validUntil": "2020-01-01T00:00:00Z"}'`, `state`],
    ['CONSENT_NOT_YET_VALID', `scope || '{"validFrom": "2100-01-01T00:00:00Z"}'`, `state`],
    ['CONSENT_SUSPENDED', 'scope', `'suspended'`],
  ])('refuses a consent that does not cover it: %s', async (code, scope, state) => {
    await farm.owner.query(`UPDATE consents SET scope = ${scope}, state = ${state} WHERE id = $1`, [
      stage.plateConsentId,
    ]);
    expect(await refused(farm.submit(stage))).toMatchObject({ code });
  });

  it('tells of a revoked consent rather than of none', async () => {
    await farm.owner.query(`UPDATE consents SET state = 'revoked', revoked_at = now() WHERE id = $1`, [
      stage.identityConsentId,
    ]);
    expect(await refused(farm.submit(stage))).toMatchObject({ code: 'CONSENT_REVOKED' });
  });

  it('pins the newest consent that covers the shot', async () => {
    const { projectId, projectName, platePerformerId: performerId } = stage;
    const of = { projectId, projectName, performerId, role: 'plate' as const };
    const forAnother = await farm.addConsent({ ...of, scope: { shots: ['another shot'] } });
    const { shotVersionId } = await farm.submit(stage, { name: 'this shot' });
    const other = await farm.submit(stage, { name: 'another shot' });
    const pinned = 'SELECT plate_consent_id AS id FROM cast_members WHERE shot_version_id = $1';
    expect(await farm.one(pinned, [shotVersionId])).toEqual({ id: stage.plateConsentId });
    expect(await farm.one(pinned, [other.shotVersionId])).toEqual({ id: forAnother });
  });

  it('refuses an identity image that shows somebody else', async () => {
    const wrong = await farm.addStage(plate, { identityImage: 3 });
    expect(await refused(farm.submit(wrong))).toMatchObject({
      code: 'IDENTITY_MISMATCH',
      details: { role: 'identity' },
    });
  });

  it('does not take a face for the performer that only a consent in review binds', async () => {
    const wrong = await farm.addStage(plate, { identityImage: 3 });
    const { projectId, projectName, identityPerformerId: performerId } = wrong;
    const id = await farm.addConsent({ projectId, projectName, performerId, role: 'identity', face: 3 });
    await farm.owner.query(`UPDATE consents SET state = 'pending_review', activated_by = NULL WHERE id = $1`, [id]);
    expect(await refused(farm.submit(wrong))).toMatchObject({ code: 'IDENTITY_MISMATCH' });
    await farm.owner.query(`UPDATE consents SET state = 'active', activated_by = $2 WHERE id = $1`, [id, randomUUID()]);
    await farm.submit(wrong);
  });

  it('refuses an image whose face was not read', async () => {
    const assetId = await farm.addAsset(stage.projectId, 'identity', Buffer.from(stage.projectId));
    const { platePerformerId, identityPerformerId } = stage;
    const cast = [{ platePerformerId, identityPerformerId, identityAssetIds: [assetId] }];
    expect(await refused(farm.submit(stage, { cast }))).toMatchObject({ code: 'CONFLICT', details: { assetId } });
  });

  it.each([
    ['BASIS_REQUIRED', { recipe: { processors: [{ type: 'anonymise' }] }, cast: [] }],
    ['INVALID_REQUEST', { cast: [] }],
    ['INVALID_REQUEST', { recipe: { processors: [{ type: 'anonymise' }] }, basis: 'public street' }],
    ['INVALID_REQUEST', { recipe: { processors: [{ type: 'replace' }, { type: 'replace' }] } }],
  ])('refuses what does not hold together: %s', async (code, more) => {
    expect(await refused(farm.submit(stage, more))).toMatchObject({ code });
  });

  it('takes nothing from another project', async () => {
    const other = await farm.addStage(plate);
    for (const more of [
      { plateAssetId: other.plateAssetId },
      { projectId: other.projectId },
      { cast: [{ ...stage, platePerformerId: other.platePerformerId, identityAssetIds: [stage.identityAssetId] }] },
    ]) {
      expect(await refused(farm.submit(stage, more))).toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  it('counts the versions of a name', async () => {
    await farm.submit(stage, { name: 'one' });
    const { shotId } = await farm.submit(stage, { name: 'one' });
    const versions = await farm.owner.query('SELECT version FROM shot_versions WHERE shot_id = $1 ORDER BY version', [
      shotId,
    ]);
    expect(versions).toEqual([{ version: 1 }, { version: 2 }]);
  });

  it('keeps what it asks of lanes and which shots must be ready first; never lets two wait for each other', async () => {
    const [done, first] = [await farm.submit(stage, { name: 'done' }), await farm.submit(stage, { name: 'first' })];
    await farm.owner.query(`UPDATE shot_versions SET state = 'ready' WHERE id = $1`, [done.shotVersionId]);
    const after = [done.shotId, first.shotId];
    const second = await farm.submit(stage, { name: 'second', after, needs: { pool: 'night', leastVramMiB: 8000 } });
    const kept = await farm.owner.query('SELECT waits_for AS "waitsFor", needs FROM shot_versions WHERE id = $1', [
      second.shotVersionId,
    ]);
    expect(kept).toEqual([{ waitsFor: [first.shotId], needs: { pool: 'night', leastVramMiB: 8000 } }]);
    const ring = farm.submit(stage, { name: 'first', after: [second.shotId] });
    expect(await refused(ring)).toMatchObject({ code: 'CONFLICT' });
    const others = await farm.addStage(plate);
    expect(await refused(farm.submit(others, { after: [first.shotId] }))).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('ingest', () => {
  it('refuses a plate that is no video, with its code', async () => {
    const bad = join(folder, 'bad.mp4');
    await writeFile(bad, 'this is no video at all');
    const at = await farm.addStage(bad);
    const { shotVersionId } = await farm.submit(at);
    const error = await refused(farm.runStage('ingest', shotVersionId));
    expect(['NOT_A_VIDEO', 'UNREADABLE_MEDIA', 'UNSUPPORTED_MEDIA']).toContain(error.code);
    await farm.handlers.ingest.abandon({ shotVersionId }, error);
    expect(await farm.errorOf(shotVersionId)).toMatchObject({ code: error.code });
    expect(JSON.stringify(await farm.errorOf(shotVersionId))).not.toContain(farm.dataDir);
  });

  it('refuses a clip that is wanted as a picture', async () => {
    const { shotVersionId } = await farm.submit(stage, { container: 'png' });
    expect(await refused(farm.runStage('ingest', shotVersionId))).toMatchObject({ code: 'INVALID_REQUEST' });
  });
});
