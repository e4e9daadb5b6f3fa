import { describe, expect, it } from 'vitest';
import type { ShotState } from '@understudy/contracts';
import { ConsentRevocations } from '../../apps/coordinator/src/consents/consent-revocations.service.js';
import { ShotActs } from '../../apps/coordinator/src/shots/shot-acts.js';
import type { FakeLane } from './fake-lane.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { refused } from './refused.js';
import { useStages } from './use-stages.js';

let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;

useStages((world) => {
  ({ farm, lane, stage } = world);
});

describe('cancelling', () => {
  const CANCELLABLE: ShotState[] = [
    'ingesting',
    'analysing',
    'linking',
    'planning',
    'rendering',
    'assembling',
    'verifying',
  ];

  it.each(CANCELLABLE)('ends a shot that is %s, with its tasks, and keeps the reason', async (state) => {
    const { shotId, shotVersionId } = await farm.bringTo(state, stage, lane);
    await farm.get(ShotActs).cancel(stage.actor, shotId, 'wrong plate');
    expect(await farm.stateOf(shotVersionId)).toBe('cancelled');
    expect(await lane.workOff()).toEqual([]);
    const { reason } = await farm.one<{ reason: string }>(
      'SELECT cancel_reason AS reason FROM shot_versions WHERE id = $1',
      [shotVersionId],
    );
    expect(reason).toBe('wrong plate');
    // What still comes for it finds it cancelled.
    for (const stageName of ['ingest', 'link', 'plan', 'assemble', 'verify'] as const) {
      await farm.runStage(stageName, shotVersionId);
    }
    expect(await farm.stateOf(shotVersionId)).toBe('cancelled');
  });

  it('tells a lane at work to stop and takes nothing from it', async () => {
    const { shotId, shotVersionId } = await farm.bringTo('rendering', stage, lane);
    lane.onLease = async () => farm.get(ShotActs).cancel(stage.actor, shotId, 'wrong plate');
    try {
      expect(await refused(lane.workOff())).toMatchObject({ code: 'CANCELLED' });
    } finally {
      lane.onLease = () => undefined;
    }
    expect(await farm.stateOf(shotVersionId)).toBe('cancelled');
    const { segments } = await farm.one<{ segments: number }>(
      'SELECT count(*)::int AS segments FROM segments g JOIN tasks t ON t.id = g.task_id WHERE t.shot_version_id = $1',
      [shotVersionId],
    );
    expect(segments).toBe(0);
  });

  it('has nothing to cancel in a shot that is ready', async () => {
    const { shotId } = await farm.bringTo('ready', stage, lane);
    expect(await refused(farm.get(ShotActs).cancel(stage.actor, shotId, 'too late'))).toMatchObject({
      code: 'NOT_CANCELLABLE',
    });
  });
});

describe('revoking a consent', () => {
  const revoke = async () => {
    const officer = await farm.addMember(stage.projectId, 'consent_officer');
    await farm.get(ConsentRevocations).revoke(officer, stage.identityConsentId, 'changed my mind');
  };

  it('in the middle of rendering ends the shot as revoked and accepts nothing more', async () => {
    const { shotVersionId } = await farm.bringTo('rendering', stage, lane);
    lane.onLease = revoke;
    try {
      expect(['CONSENT_REVOKED', 'CANCELLED']).toContain((await refused(lane.workOff())).code);
    } finally {
      lane.onLease = () => undefined;
    }
    expect(await farm.stateOf(shotVersionId)).toBe('revoked');
    expect((await farm.errorOf(shotVersionId)).code).toBe('CONSENT_REVOKED');
    expect(await lane.workOff()).toEqual([]);
    expect(
      await farm.owner.query(
        'SELECT 1 FROM segments g JOIN tasks t ON t.id = g.task_id WHERE t.shot_version_id = $1 AND g.quarantined_at IS NULL',
        [shotVersionId],
      ),
    ).toEqual([]);
  });

  it('locks a delivery that was ready', async () => {
    const { shotVersionId } = await farm.bringTo('ready', stage, lane);
    await revoke();
    expect(await farm.stateOf(shotVersionId)).toBe('revoked');
    const { state } = await farm.one<{ state: string }>(
      'SELECT state::text AS state FROM deliveries WHERE shot_version_id = $1',
      [shotVersionId],
    );
    expect(state).toBe('locked');
  });
});
