import { beforeEach, describe, expect, it } from 'vitest';
import type { FaceObservation, UnderstudyError } from '@understudy/contracts';
import { ShotActs } from '../../apps/coordinator/src/shots/shot-acts.js';
import { type FakeLane, observe, templateBetween } from './fake-lane.js';
import { refused } from './refused.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

let plate: string;
let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;
const bothPeople = (frame: number): FaceObservation[] => [observe(frame, 0), observe(frame, 1)];

/** Half covered for a moment. */
const sometimesUnsure = (frame: number): FaceObservation[] => [
  observe(frame, 0, frame >= 13 && frame < 17 ? { spread: 0.1 } : {}),
];

useStages((world) => {
  ({ farm, lane, plate, stage } = world);
});
beforeEach(() => {
  lane.faces = bothPeople;
});

describe('the plan', () => {
  const planned = async (
    at: Stage,
    faces: (frame: number) => FaceObservation[],
    more: Record<string, unknown> = {},
  ) => {
    lane.faces = faces;
    const { shotVersionId, shotId } = await farm.bringTo('planning', at, lane, more);
    const error = await farm.runStage('plan', shotVersionId).then(
      () => null,
      (thrown: unknown) => thrown as UnderstudyError,
    );
    return { shotId, shotVersionId, code: error?.code ?? null };
  };
  const anonymise = { recipe: { processors: [{ type: 'anonymise' }] }, cast: [], basis: 'bystanders' };

  it('finds no face in an empty plate', async () => {
    expect(await planned(stage, () => [])).toMatchObject({ code: 'NO_FACE' });
    const other = await farm.addStage(plate);
    expect(await planned(other, () => [], anonymise)).toMatchObject({ code: 'NO_FACE' });
  });

  it('does not find the plate performer among strangers', async () => {
    expect(await planned(stage, (frame) => [observe(frame, 1)])).toMatchObject({ code: 'PLATE_FACE_NOT_FOUND' });
  });

  it('refuses a track that a reference tells and that is not the performer who consented, with its frames', async () => {
    // As like the performer (person 0) as somebody else (person 1), who comes into the picture later.
    const reference = await farm.addFace(stage.projectId, 'plate_reference', templateBetween(0, 1));
    const { identityPerformerId, platePerformerId, identityAssetId } = stage;
    const member = { identityPerformerId, platePerformerId, identityAssetIds: [identityAssetId] };
    const cast = [{ ...member, plateReferenceAssetIds: [reference] }];
    const { shotVersionId, code } = await planned(stage, (frame) => [observe(frame, frame < 12 ? 0 : 1)], { cast });
    expect(code).toBe('IDENTITY_MISMATCH');
    await farm.handlers.plan.abandon({ shotVersionId }, await refused(farm.runStage('plan', shotVersionId)));
    expect((await farm.errorOf(shotVersionId)).details).toMatchObject({
      cast: 0,
      role: 'plate',
      tracks: [{ startFrame: 12, cosine: 0 }],
    });
    expect(
      await farm.owner.query('SELECT 1 FROM tasks WHERE shot_version_id = $1 AND kind = $2', [shotVersionId, 'render']),
    ).toEqual([]);
  });

  it('does not guess which of two people is meant', async () => {
    const local = await farm.addStage(plate, { profile: 'local', level: 'L0', plateFace: null });
    expect(await planned(local, bothPeople)).toMatchObject({ code: 'AMBIGUOUS_FACE' });
  });

  it('takes the only person of a local project for the one meant, and says that nobody checked', async () => {
    const local = await farm.addStage(plate, { profile: 'local', level: 'L0', plateFace: null });
    const { shotVersionId, code } = await planned(local, (frame) => [observe(frame, 1)]);
    expect(code).toBeNull();
    const { waivers } = await farm.one<{ waivers: string[] }>('SELECT waivers FROM shot_versions WHERE id = $1', [
      shotVersionId,
    ]);
    expect(waivers).toEqual(['plate_face_unverified']);
    const { events } = (await farm.snapshot(shotVersionId)) as { events: string[] };
    expect(events).toContain('shot.check_waived');
  });

  it('waives nothing on a farm', async () => {
    const unbound = await farm.addStage(plate, { plateFace: null });
    expect(await planned(unbound, (frame) => [observe(frame, 1)])).toMatchObject({ code: 'PLATE_FACE_NOT_FOUND' });
  });

  it('refuses a reference that shows somebody other than the performer who consented', async () => {
    const plateReferenceAssetIds = [await farm.addFace(stage.projectId, 'plate_reference', 1)];
    const { platePerformerId, identityPerformerId, identityAssetId } = stage;
    const cast = [
      { platePerformerId, plateReferenceAssetIds, identityPerformerId, identityAssetIds: [identityAssetId] },
    ];
    expect(await planned(stage, bothPeople, { cast })).toMatchObject({ code: 'IDENTITY_MISMATCH' });
  });

  it('covers everybody but the faces kept', async () => {
    const keepAssetIds = [await farm.addFace(stage.projectId, 'plate_reference', 1)];
    const { shotVersionId, code } = await planned(stage, bothPeople, { ...anonymise, keepAssetIds });
    expect(code).toBeNull();
    const { tracks } = await farm.one<{ tracks: number[] }>(
      `SELECT settings->'anonymiseTracks' AS tracks FROM shot_versions WHERE id = $1`,
      [shotVersionId],
    );
    expect(tracks).toEqual([0]);
  });

  it('holds a de-identification whose faces are uncertain, and goes on when somebody says so', async () => {
    const { shotId, shotVersionId } = await planned(stage, sometimesUnsure, anonymise);
    expect(await farm.stateOf(shotVersionId)).toBe('held');
    const { code, details } = await farm.errorOf(shotVersionId);
    expect({ code, frames: details?.['frames'] }).toEqual({ code: 'HELD_FOR_REVIEW', frames: [[13, 17]] });
    await farm.get(ShotActs).resume(stage.actor, shotId, 'looked at every one');
    expect(await farm.stateOf(shotVersionId)).toBe('planning');
    await farm.runStage('plan', shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('rendering');
    expect((await farm.errorOf(shotVersionId)).code).toBeNull();
  });

  it('ends as revoked when a consent was withdrawn before it', async () => {
    const { shotVersionId } = await farm.bringTo('planning', stage, lane);
    await farm.owner.query(`UPDATE consents SET state = 'revoked', revoked_at = now() WHERE id = $1`, [
      stage.plateConsentId,
    ]);
    const error = await farm.runStage('plan', shotVersionId).catch((thrown: unknown) => thrown as UnderstudyError);
    expect(error).toMatchObject({ code: 'CONSENT_REVOKED' });
    await farm.handlers.plan.abandon({ shotVersionId }, error as UnderstudyError);
    expect(await farm.stateOf(shotVersionId)).toBe('revoked');
    expect(await lane.workOff()).toEqual([]);
  });
});
