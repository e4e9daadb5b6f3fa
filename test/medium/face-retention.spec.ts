import { describe, expect, it } from 'vitest';
import { FaceRetention } from '../../apps/coordinator/src/performers/face-retention.js';
import { AnalysisPurge } from '../../apps/coordinator/src/stages/analysis-purge.js';
import { type FakeLane, observe } from './fake-lane.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;
useStages((world) => {
  ({ farm, lane, stage } = world);
});

const end = (consentId: string) =>
  farm.owner.query(`UPDATE consents SET state = 'revoked', revoked_at = now() WHERE id = $1`, [consentId]);
const aged = (...assetIds: string[]) =>
  farm.owner.query(
    `UPDATE face_templates SET created_at = now() - interval '8 days' WHERE asset_id = ANY ($1::uuid[])`,
    [assetIds],
  );
const readings = async (): Promise<string[]> => {
  const rows = await farm.owner.query<{ id: string }>(
    `SELECT f.asset_id AS id FROM face_templates f JOIN assets a ON a.id = f.asset_id WHERE a.project_id = $1`,
    [stage.projectId],
  );
  return rows.map(({ id }) => id).toSorted();
};
const sweep = () => farm.get(FaceRetention).sweep();

describe('the tracks of a cast', () => {
  it('keep their templates while a consent of whom they show lives, and no longer', async () => {
    lane.faces = (frame) => [observe(frame, 0)];
    const { shotVersionId } = await farm.bringTo('rendering', stage, lane);
    const kept = async () =>
      (
        await farm.one<{ kept: number }>(
          `SELECT count(t.template)::int AS kept FROM tracks t JOIN shot_versions v ON v.analysis_id = t.analysis_id WHERE v.id = $1`,
          [shotVersionId],
        )
      ).kept;
    await farm.get(AnalysisPurge).run();
    expect(await kept()).toBe(1);
    await end(stage.identityConsentId);
    await farm.get(AnalysisPurge).run();
    expect(await kept()).toBe(1);
    await end(stage.plateConsentId);
    await farm.get(AnalysisPurge).run();
    expect(await kept()).toBe(0);
  });
});

describe('what lanes read in images', () => {
  it('is kept while a consent of whom a cast shows lives, and goes with the last', async () => {
    await farm.submit(stage);
    await aged(stage.identityAssetId);
    await sweep();
    expect(await readings()).toEqual([stage.identityAssetId]);
    await end(stage.plateConsentId);
    await sweep();
    expect(await readings()).toEqual([stage.identityAssetId]);
    await end(stage.identityConsentId);
    expect(await sweep()).toBeGreaterThan(0);
    expect(await readings()).toEqual([]);
    const events = await farm.owner.query(
      `SELECT subject_id AS "of" FROM audit_events WHERE action = 'face_templates.dropped' AND project_id = $1`,
      [stage.projectId],
    );
    expect(events).toEqual([{ of: stage.projectId }]);
  });

  it('is forgotten after a week in which neither a consent nor a shot named the image', async () => {
    const [old, fresh, bound] = [
      await farm.addFace(stage.projectId, 'identity', 5),
      await farm.addFace(stage.projectId, 'plate_reference', 6),
      await farm.addFace(stage.projectId, 'identity', 2),
    ];
    await aged(old, bound);
    await farm.owner.query(
      `UPDATE performer_faces f SET image_sha256 = a.sha256 FROM assets a WHERE a.id = $1 AND f.consent_id = $2`,
      [bound, stage.identityConsentId],
    );
    await sweep();
    expect(await readings()).toEqual([fresh, bound, stage.identityAssetId].toSorted());
  });

  it('is kept of a face that a plan has still to leave as it is, and forgotten when it is planned', async () => {
    const keep = await farm.addFace(stage.projectId, 'plate_reference', 1);
    lane.faces = (frame) => [observe(frame, 0), observe(frame, 1)];
    const { shotVersionId } = await farm.bringTo('planning', stage, lane, {
      recipe: { processors: [{ type: 'anonymise' }] },
      cast: [],
      basis: 'bystanders',
      keepAssetIds: [keep],
    });
    await aged(keep);
    await sweep();
    expect(await readings()).toContain(keep);
    await farm.runStage('plan', shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('rendering');
    await sweep();
    expect(await readings()).not.toContain(keep);
  });
});
