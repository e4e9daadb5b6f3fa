import { beforeEach, describe, expect, it } from 'vitest';
import { ResubmitShot, type ShotState } from '@understudy/contracts';
import type { z } from 'zod';
import { DeliveryRepository } from '../../apps/coordinator/src/deliveries/delivery.repository.js';
import { Releases } from '../../apps/coordinator/src/deliveries/releases.js';
import { ReportRepository } from '../../apps/coordinator/src/shots/report.repository.js';
import { Resubmissions } from '../../apps/coordinator/src/shots/resubmissions.js';
import { ShotRepository } from '../../apps/coordinator/src/shots/shot.repository.js';
import type { FakeLane } from './fake-lane.js';
import { revokeConsent } from './shot-fixture.js';
import { PLATE_FRAMES } from './drawn-plate.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

const REASON = 'the director wants it so';
const SHARD_FRAMES = 5;
const LOSSLESS = { mode: 'lossless', preset: 'ultrafast' };

let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;

useStages((world) => {
  ({ farm, lane, stage } = world);
});
beforeEach(() => {
  lane.brighter = 0;
});

const broughtTo = (state: ShotState) =>
  farm.bringTo(state, stage, lane, { shardFrames: SHARD_FRAMES, leastShards: 1, encoding: LOSSLESS });

async function resubmit(shotId: string, asked: Omit<z.input<typeof ResubmitShot>, 'reason'>, actor = stage.actor) {
  const head = await farm.get(ShotRepository).find(actor, 'create', shotId);
  return await farm.get(Resubmissions).resubmit(actor, head, ResubmitShot.parse({ ...asked, reason: REASON }));
}

const versionOf = (shotId: string) =>
  farm.one<{ id: string; version: number; state: ShotState; parity: string | null }>(
    `SELECT id, version, state::text AS state, parity_class AS parity FROM shot_versions WHERE shot_id = $1
      ORDER BY version DESC LIMIT 1`,
    [shotId],
  );

/** Hashes of all frames of a version's segments, by frame. */
async function frameHashes(shotVersionId: string): Promise<string[]> {
  const rows = await farm.owner.query<{ hashes: string[] }>(
    `SELECT g.frame_hashes AS hashes FROM segments g JOIN tasks t ON t.id = g.task_id
      WHERE t.shot_version_id = $1 ORDER BY t.start_frame`,
    [shotVersionId],
  );
  return rows.flatMap(({ hashes }) => hashes);
}

async function finish(shotVersionId: string): Promise<void> {
  await farm.runStage('assemble', shotVersionId);
  await farm.runStage('verify', shotVersionId);
}

const decodedHash = async (shotVersionId: string): Promise<string> => {
  const { verification } = await farm.one<{ verification: { decodedHash: string } }>(
    `SELECT verification FROM deliveries WHERE shot_version_id = $1 AND state = 'ready'`,
    [shotVersionId],
  );
  return verification.decodedHash;
};

describe('some frames of a shot rendered anew', () => {
  it('come into a new delivery beside the old frames of the rest', async () => {
    const { shotId, shotVersionId: first } = await broughtTo('ready');
    lane.brighter = 3;
    const made = await resubmit(shotId, { frames: { startFrame: 12, endFrame: 16 } });
    expect(made).toEqual({ rendered: { startFrame: 10, endFrame: 20 }, shards: { rendered: 2, reused: 4 } });
    const second = await versionOf(shotId);
    expect(second).toMatchObject({ version: 2, state: 'rendering', parity: (await versionOf(shotId)).parity });
    expect(second.parity).not.toBeNull();
    const leases = await lane.workOff();
    expect(leases.map((lease) => (lease.kind === 'render' ? [lease.startFrame, lease.endFrame] : lease.kind))).toEqual([
      [10, 15],
      [15, 20],
    ]);
    await finish(second.id);
    expect((await versionOf(shotId)).state).toBe('ready');
    const [before, after] = [await frameHashes(first), await frameHashes(second.id)];
    expect(after).toHaveLength(PLATE_FRAMES);
    const changed = before.flatMap((hash, frame) => (hash === after[frame] ? [] : [frame]));
    expect(changed).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(await decodedHash(second.id)).not.toBe(await decodedHash(first));
    // The figures of the frames that were taken over are those of the attempts that made them.
    const report = farm.get(ReportRepository);
    const version = await report.newest(shotId);
    const faces = await report.faces(second.id, version?.analysisId ?? '');
    expect(faces.find(({ cast }) => cast !== null)?.idToIdentity).toBeCloseTo(0.4 + (PLATE_FRAMES - 1) / 200);
  });

  it('tell how strongly faces were restored, in the frames that were taken over too', async () => {
    const strengthOf = (meanStrength: number, minStrength: number, worstDrift: number) => {
      lane.restored = (startFrame, endFrame) => {
        return { frames: endFrame - startFrame, meanAsked: 0.8, meanStrength, minStrength, worstDrift };
      };
    };
    strengthOf(0.4, 0.3, 0.06);
    const { shotId } = await broughtTo('ready');
    strengthOf(0.7, 0.6, 0.09);
    await resubmit(shotId, { frames: { startFrame: 10, endFrame: 20 } });
    const { id } = await versionOf(shotId);
    await lane.workOff();
    await finish(id);
    delete lane.restored;
    const report = farm.get(ReportRepository);
    const faces = await report.faces(id, (await report.newest(shotId))?.analysisId ?? '');
    expect(faces.find(({ cast }) => cast !== null)?.restored).toEqual({
      meanAsked: expect.closeTo(0.8, 9) as number,
      meanStrength: expect.closeTo((10 * 0.7 + (PLATE_FRAMES - 10) * 0.4) / PLATE_FRAMES, 9) as number,
      minStrength: 0.3,
      worstDrift: 0.09,
    });
    expect(faces.find(({ cast }) => cast === null)?.restored).toBeNull();
  });

  it('are released by nobody who submitted them, or the shot that they were taken from', async () => {
    const { shotId } = await broughtTo('ready');
    const second = await farm.addMember(stage.projectId, 'producer');
    await resubmit(shotId, { frames: { startFrame: 0, endFrame: 5 } }, second);
    const { id: shotVersionId } = await versionOf(shotId);
    await lane.workOff();
    await finish(shotVersionId);
    const { id } = await farm.one<{ id: string }>('SELECT id FROM deliveries WHERE shot_version_id = $1', [
      shotVersionId,
    ]);
    const past = (by: string) =>
      farm.database.query(
        `UPDATE deliveries SET state = 'released', released_by = $2, released_at = now() WHERE id = $1`,
        [id, by],
      );
    for (const submitter of [stage.actor, second]) {
      const found = await farm.get(DeliveryRepository).find(submitter, 'release', id);
      await expect(farm.get(Releases).release(submitter, found, 'mine')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(past(submitter.id)).rejects.toThrow('does not release it');
    }
    await past((await farm.addMember(stage.projectId, 'producer')).id);
  });

  it('give the very same file where nothing else came of them', async () => {
    const { shotId, shotVersionId: first } = await broughtTo('ready');
    await resubmit(shotId, { frames: { startFrame: 0, endFrame: 1 } });
    const second = await versionOf(shotId);
    await lane.workOff();
    await finish(second.id);
    expect(await decodedHash(second.id)).toBe(await decodedHash(first));
    // Taken over from a version that took them over itself.
    await resubmit(shotId, { frames: { startFrame: 29, endFrame: 30 } });
    const third = await versionOf(shotId);
    const { count } = await farm.one<{ count: number }>(
      `SELECT count(*)::int AS count FROM segments g JOIN tasks t ON t.id = g.task_id JOIN attempts a ON a.task_id = g.reused_from
        WHERE t.shot_version_id = $1 AND a.state = 'accepted' AND a.result->>'sha256' = g.sha256`,
      [third.id],
    );
    expect(count).toBe(5);
  });

  it('bear other settings of the same processors, and no other processors', async () => {
    const { shotId } = await broughtTo('ready');
    const frames = { startFrame: 0, endFrame: 5 };
    const replace = { type: 'replace', settings: { strength: 0.5 } } as const;
    await expect(resubmit(shotId, { frames, recipe: { processors: [{ type: 'anonymise' }] } })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
    await resubmit(shotId, { frames, recipe: { processors: [replace] }, priority: 80 });
    const [lease] = await lane.workOff();
    expect(lease).toMatchObject({ recipe: { processors: [{ settings: { strength: 0.5 } }] } });
    const { priority } = await farm.one<{ priority: number }>('SELECT priority FROM tasks WHERE id = $1', [
      lease?.taskId,
    ]);
    expect(priority).toBe(80);
  });

  it('are of any parity class where they are all of them: nothing is joined with them', async () => {
    const { shotId } = await broughtTo('ready');
    expect((await versionOf(shotId)).parity).not.toBeNull();
    const made = await resubmit(shotId, { frames: { startFrame: 0, endFrame: PLATE_FRAMES } });
    expect(made.shards.reused).toBe(0);
    expect(await versionOf(shotId)).toMatchObject({ version: 2, state: 'rendering', parity: null });
  });

  it('save what a failed shot has, and ask for what it lacks', async () => {
    const { shotId, shotVersionId } = await broughtTo('rendering');
    await lane.workOff(3);
    await expect(resubmit(shotId, { frames: { startFrame: 0, endFrame: 5 } })).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { state: 'rendering' },
    });
    await farm.owner.query(`UPDATE shot_versions SET state = 'failed' WHERE id = $1`, [shotVersionId]);
    await expect(resubmit(shotId, { frames: { startFrame: 20, endFrame: 30 } })).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { startFrame: 15, endFrame: 20 },
    });
    expect((await versionOf(shotId)).version).toBe(1);
    const made = await resubmit(shotId, { frames: { startFrame: 15, endFrame: 30 } });
    expect(made.shards).toEqual({ rendered: 3, reused: 3 });
    await expect(resubmit(shotId, { frames: { startFrame: 0, endFrame: 31 } })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await lane.workOff();
    const second = await versionOf(shotId);
    await finish(second.id);
    await expect(resubmit(shotId, { frames: { startFrame: 30, endFrame: 31 } })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
  });

  it('stand on the consents of the rest, for all frames', async () => {
    const { shotId } = await broughtTo('ready');
    await revokeConsent(farm.owner, stage.identityConsentId, 'suspended');
    // Another one that would cover the shot does not cover what was made before it.
    await farm.addConsent({
      projectId: stage.projectId,
      projectName: stage.projectName,
      performerId: stage.identityPerformerId,
      role: 'identity',
    });
    await expect(resubmit(shotId, { frames: { startFrame: 0, endFrame: 5 } })).rejects.toMatchObject({
      code: 'CONSENT_SUSPENDED',
    });
    expect((await versionOf(shotId)).version).toBe(1);
    const { reused } = await farm.one<{ reused: number }>(
      `SELECT count(*)::int AS reused FROM audit_events WHERE action = 'segment.reused' AND shot_id = $1`,
      [shotId],
    );
    expect(reused).toBe(0);
  });

  it('take nothing over whose record was changed in the database', async () => {
    const { shotId, shotVersionId } = await broughtTo('ready');
    const frames = { startFrame: 0, endFrame: 5 };
    const { tampering } = farm.owner;
    const other = 'f'.repeat(64);
    const taken = `task_id = (SELECT id FROM tasks WHERE shot_version_id = $1 AND start_frame = 10 AND kind = 'render')`;
    const [{ sha256 = '' } = {}] = await tampering.query<{ sha256: string }>(
      `SELECT sha256 FROM segments WHERE ${taken}`,
      [shotVersionId],
    );
    await tampering.query(`UPDATE segments SET sha256 = $2 WHERE ${taken}`, [shotVersionId, other]);
    await expect(resubmit(shotId, { frames })).rejects.toMatchObject({ code: 'RECORD_ALTERED' });
    await tampering.query(`UPDATE segments SET sha256 = $2 WHERE ${taken}`, [shotVersionId, sha256]);
    await tampering.query(`UPDATE cast_members SET identity_asset_ids = '{}' WHERE shot_version_id = $1`, [
      shotVersionId,
    ]);
    await expect(resubmit(shotId, { frames })).rejects.toThrow();
    expect((await versionOf(shotId)).version).toBe(1);
  });

  it('end with what was taken over when a consent is withdrawn meanwhile', async () => {
    const { shotId } = await broughtTo('ready');
    await resubmit(shotId, { frames: { startFrame: 0, endFrame: 5 } });
    await revokeConsent(farm.owner, stage.plateConsentId);
    expect(await lane.workOff()).toEqual([]);
    const second = await versionOf(shotId);
    expect(second.state).toBe('revoked');
    const { free } = await farm.one<{ free: number }>(
      `SELECT count(*)::int AS free FROM segments g JOIN tasks t ON t.id = g.task_id
        WHERE t.shot_version_id = $1 AND g.quarantined_at IS NULL`,
      [second.id],
    );
    expect(free).toBe(0);
    await expect(resubmit(shotId, { frames: { startFrame: 0, endFrame: 5 } })).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { state: 'revoked' },
    });
  });
});
