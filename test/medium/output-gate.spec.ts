import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsentRevocations } from '../../apps/coordinator/src/consents/consent-revocations.service.js';
import { AttemptEnds } from '../../apps/coordinator/src/shards/attempt-ends.js';
import { Claims } from '../../apps/coordinator/src/shards/claims.js';
import { Resubmissions } from '../../apps/coordinator/src/shots/resubmissions.js';
import { ShotActs } from '../../apps/coordinator/src/shots/shot-acts.js';
import { ShotRepository } from '../../apps/coordinator/src/shots/shot.repository.js';
import { AnalysisPurge } from '../../apps/coordinator/src/stages/analysis-purge.js';
import { FakeLane } from './fake-lane.js';
import { makePlate, PLATE_FRAMES } from './drawn-plate.js';
import { type Stage, StagesFarm } from './stages-farm.js';

/** The identity is person 2, the plate person 0; person 5 is enrolled besides, person 9 nowhere. */
const [IDENTITY, PLATE, THIRD, NOBODY] = [2, 0, 5, 9];

let farm: StagesFarm;
let folder: string;
let stage: Stage;
let lane: FakeLane;
let thirdId: string;
let shot: { shotId: string; shotVersionId: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'output-gate-'));
  await makePlate(join(folder, 'plate.mp4'));
  farm = await StagesFarm.start({ serve: false, settings: { OUTPUT_GATE: 'true' } });
  stage = await farm.addStage(join(folder, 'plate.mp4'));
  lane = await farm.addLane();
  shot = await farm.bringTo('verifying', stage, lane);
  const { projectId, projectName } = stage;
  thirdId = await farm.addPerformer(projectId);
  await farm.addConsent({ projectId, projectName, performerId: thirdId, role: 'identity', face: THIRD });
});
afterAll(async () => {
  await farm?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A shot that is verified, whose sampled faces are this person's. @returns the leases of those who read them */
async function verified(person: number, shotVersionId: string) {
  await farm.runStage('verify', shotVersionId);
  lane.enrolled = person;
  const leases = await lane.workOff();
  await readTemplates();
  await farm.runStage('verify', shotVersionId);
  return leases;
}
async function readTemplates(): Promise<void> {
  const tasks = await farm.owner.query<{ id: string }>(
    `SELECT task_id AS id FROM face_templates WHERE state = 'pending'`,
  );
  for (const { id } of tasks) await farm.handlers.template.run({ taskId: id });
}
/** The one shot, as it was before its verification: to bring another so far takes long. */
async function verifying(): Promise<string> {
  await farm.owner.query(`UPDATE deliveries SET state = 'verifying', verification = NULL WHERE shot_version_id = $1`, [
    shot.shotVersionId,
  ]);
  await farm.owner.query(
    `UPDATE shot_versions SET state = 'verifying', held_from = NULL, error_code = NULL, error_message = NULL, error_details = NULL
      WHERE id = $1`,
    [shot.shotVersionId],
  );
  return shot.shotVersionId;
}
async function countsOf(shotVersionId: string): Promise<unknown> {
  const { faces } = await farm.one<{ faces: unknown }>(
    `SELECT verification->'faces' AS faces FROM deliveries WHERE shot_version_id = $1`,
    [shotVersionId],
  );
  return faces;
}
async function gone(...lanes: readonly FakeLane[]): Promise<void> {
  for (const { lane: of } of lanes) {
    await farm.owner.query(`UPDATE lanes SET state = 'lost' WHERE worker_id = $1`, [of.workerId]);
  }
}
const left = async () =>
  (
    await farm.one<{ left: number }>(
      `SELECT (SELECT count(*) FROM output_checks)::int + (SELECT count(*) FROM assets WHERE kind = 'still')::int AS left`,
    )
  ).left;

describe('before a shot is ready, lanes read some of its faces', () => {
  it('which are those of the identity, or of the plate: it is ready, and nothing of them is kept', async () => {
    for (const person of [IDENTITY, PLATE]) {
      const shotVersionId = await verifying();
      const leases = await verified(person, shotVersionId);
      expect(leases.map(({ kind }) => kind)).toEqual(['enrol', 'enrol']);
      expect(await farm.stateOf(shotVersionId)).toBe('ready');
      const { verification } = await farm.one<{ verification: Record<string, unknown> }>(
        'SELECT verification FROM deliveries WHERE shot_version_id = $1',
        [shotVersionId],
      );
      // The farm has one worker, and says so.
      expect(verification['faces']).toEqual({ sampled: 2, read: 2, byRenderer: 2, unsampled: 0 });
      expect(await left()).toBe(0);
    }
  });

  it('and goes on by itself when the last was read', async () => {
    const shotVersionId = await verifying();
    await farm.runStage('verify', shotVersionId);
    await farm.runStage('verify', shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('verifying');
    const intents = () =>
      farm.owner.query(`SELECT 1 FROM outbox WHERE stage = 'verify' AND key = $1 AND relayed_at IS NULL`, [
        shotVersionId,
      ]);
    await farm.owner.query(`UPDATE outbox SET relayed_at = now() WHERE key = $1`, [shotVersionId]);
    lane.enrolled = IDENTITY;
    await lane.workOff();
    expect(await intents()).toHaveLength(0);
    await readTemplates();
    expect(await intents()).toHaveLength(1);
    await farm.runStage('verify', shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('ready');
  });

  it('a pack that makes a third person: held, with whom and in which frames; resuming looks again', async () => {
    const shotVersionId = await verifying();
    await verified(THIRD, shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('held');
    const { code, details } = await farm.errorOf(shotVersionId);
    expect(code).toBe('HELD_FOR_REVIEW');
    expect(details).toMatchObject({ reasons: ['THIRD_PERSON'], sampled: 2, read: 2 });
    const faults = details?.['faults'] as { performerId: string; frames: number[] }[];
    expect(faults.map(({ performerId }) => performerId)).toEqual([thirdId, thirdId]);
    expect(faults.every(({ frames }) => frames.length === 1)).toBe(true);
    expect(await left()).toBe(0);
    const kept = () =>
      farm.owner.query<{ frame: number }>('SELECT frame FROM output_checks WHERE shot_version_id = $1', [
        shotVersionId,
      ]);
    await expect(farm.get(ShotActs).resume(stage.actor, shot.shotId, 'mine')).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    const second = await farm.addMember(stage.projectId, 'producer');
    const resume = () => farm.get(ShotActs).resume(second, shot.shotId, 'I think it is fine');
    await resume();
    await farm.runStage('verify', shotVersionId);
    const again = (await kept()).map(({ frame }) => frame);
    expect(again).toEqual(expect.arrayContaining(faults.flatMap(({ frames }) => frames)));
    expect(again).toHaveLength(4);
    await verified(THIRD, shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('held');
    await resume();
    await verified(IDENTITY, shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('ready');
  });

  it("a face that is nobody's who agreed: held", async () => {
    const shotVersionId = await verifying();
    await verified(NOBODY, shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('held');
    expect((await farm.errorOf(shotVersionId)).details).toMatchObject({ reasons: ['NOBODYS_FACE'] });
  });

  it('a face that no lane can read says nothing, and is counted as such', async () => {
    const shotVersionId = await verifying();
    await farm.runStage('verify', shotVersionId);
    await farm.owner.query(
      `UPDATE face_templates SET state = 'failed', error_code = 'NO_FACE' WHERE state = 'pending'`,
    );
    await farm.owner.query(`UPDATE tasks SET state = 'failed' WHERE kind = 'enrol' AND state = 'pending'`);
    await farm.runStage('verify', shotVersionId);
    const { faces } = await farm.one<{ faces: unknown }>(
      `SELECT verification->'faces' AS faces FROM deliveries WHERE shot_version_id = $1`,
      [shotVersionId],
    );
    expect(faces).toEqual({ sampled: 2, read: 0, byRenderer: 0, unsampled: 0 });
  });

  it('a clear face that no lane can read: held, until another person lets it pass', async () => {
    const shotVersionId = await verifying();
    const unread = async () => {
      await farm.runStage('verify', shotVersionId);
      await farm.owner.query(`UPDATE output_checks SET clear = true WHERE shot_version_id = $1`, [shotVersionId]);
      await farm.owner.query(
        `UPDATE face_templates SET state = 'failed', error_code = 'NO_FACE' WHERE state = 'pending'`,
      );
      await farm.owner.query(`UPDATE tasks SET state = 'failed' WHERE kind = 'enrol' AND state = 'pending'`);
      await farm.runStage('verify', shotVersionId);
    };
    await unread();
    expect(await farm.stateOf(shotVersionId)).toBe('held');
    expect((await farm.errorOf(shotVersionId)).details).toMatchObject({ reasons: ['NOT_READ'], read: 0 });
    const second = await farm.addMember(stage.projectId, 'producer');
    await farm.get(ShotActs).resume(second, shot.shotId, 'too dark to read, and fine');
    await unread();
    expect(await farm.stateOf(shotVersionId)).toBe('ready');
  });

  it('by another worker than the one who rendered, under whatever lane and however long it waits, while there is one', async () => {
    const shotVersionId = await verifying();
    const other = await farm.addLane();
    await farm.runStage('verify', shotVersionId);
    const again = await FakeLane.register(farm, [], lane);
    await farm.owner.query(`UPDATE tasks SET created_at = created_at - interval '1 hour' WHERE state = 'pending'`);
    expect([await lane.workOff(), await again.workOff()]).toEqual([[], []]);
    other.enrolled = IDENTITY;
    expect(await other.workOff()).toHaveLength(2);
    await readTemplates();
    await farm.runStage('verify', shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('ready');
    expect(await countsOf(shotVersionId)).toMatchObject({ read: 2, byRenderer: 0 });
    await gone(other);
  });

  it.each([
    ['lost', `UPDATE lanes SET state = 'lost' WHERE worker_id = $1`],
    ['tied to other projects', `UPDATE workers SET tied = true WHERE id = $1`],
  ])('by who rendered where the other is %s, and then it is said', async (_, change) => {
    const shotVersionId = await verifying();
    const other = await farm.addLane();
    await farm.runStage('verify', shotVersionId);
    lane.enrolled = IDENTITY;
    expect(await lane.workOff()).toEqual([]);
    await farm.owner.query(change, [other.lane.workerId]);
    expect(await lane.workOff()).toHaveLength(2);
    await readTemplates();
    await farm.runStage('verify', shotVersionId);
    expect(await countsOf(shotVersionId)).toMatchObject({ read: 2, byRenderer: 2 });
    await gone(other);
  });

  it('by another once more where one cannot, and still not by who rendered', async () => {
    const shotVersionId = await verifying();
    const [other, third] = [await farm.addLane(), await farm.addLane()];
    await farm.runStage('verify', shotVersionId);
    const refuse = async (by: FakeLane) => {
      const lease = await farm.get(Claims).claim(by.lane);
      if (lease === null) return false;
      const failure = { code: 'NO_FACE' as const, message: 'There is no face.', retryable: false };
      await farm.get(AttemptEnds).fail(by.lane.workerId, lease.attemptId, lease.epoch, failure);
      return true;
    };
    expect([await refuse(other), await refuse(other), await refuse(other)]).toEqual([true, true, false]);
    await readTemplates();
    const states = () => farm.owner.query(`SELECT 1 FROM tasks WHERE kind = 'enrol' AND state = 'pending'`);
    expect(await states()).toHaveLength(2);
    expect(await refuse(lane)).toBe(false);
    expect([await refuse(third), await refuse(third), await refuse(third)]).toEqual([true, true, false]);
    await readTemplates();
    expect(await states()).toHaveLength(0);
    await farm.runStage('verify', shotVersionId);
    expect(await farm.stateOf(shotVersionId)).not.toBe('verifying');
    await gone(other, third);
  });

  it('of what a later version renders anew as many as of the rest, each by who did not render that frame', async () => {
    const [base, maker] = [await verifying(), await farm.addLane()];
    await gone(maker);
    await verified(IDENTITY, base);
    expect(await farm.stateOf(base)).toBe('ready');
    const head = await farm.get(ShotRepository).find(stage.actor, 'create', shot.shotId);
    const frames = { startFrame: 0, endFrame: 3 };
    const made = await farm.get(Resubmissions).resubmit(stage.actor, head, { frames, reason: 'the first frames anew' });
    const { id: shotVersionId } = await farm.one<{ id: string }>(
      'SELECT id FROM shot_versions WHERE shot_id = $1 ORDER BY version DESC LIMIT 1',
      [shot.shotId],
    );
    await farm.owner.query(`UPDATE lanes SET state = 'idle' WHERE id = $1`, [maker.lane.id]);
    expect(await maker.workOff()).toHaveLength(made.shards.rendered);
    await farm.runStage('assemble', shotVersionId);
    await farm.runStage('verify', shotVersionId);
    const asked = await farm.owner.query<{ taskId: string; frame: number }>(
      `SELECT f.task_id AS "taskId", k.frame FROM output_checks k JOIN face_templates f ON f.asset_id = k.asset_id
        WHERE k.shot_version_id = $1 ORDER BY k.frame`,
      [shotVersionId],
    );
    const anew = asked.filter(({ frame }) => frame < made.rendered.endFrame).map(({ taskId }) => taskId);
    const rest = asked.filter(({ frame }) => frame >= made.rendered.endFrame).map(({ taskId }) => taskId);
    expect([anew.length, rest.length]).toEqual([2, 2]);
    // What was made anew shows nobody who agreed; the rest, which is in order, does not speak for it.
    [lane.enrolled, maker.enrolled] = [NOBODY, IDENTITY];
    const ofLane = (await lane.workOff()).map(({ taskId }) => taskId);
    const ofMaker = (await maker.workOff()).map(({ taskId }) => taskId);
    expect([ofLane.toSorted(), ofMaker.toSorted()]).toEqual([anew.toSorted(), rest.toSorted()]);
    await readTemplates();
    await farm.runStage('verify', shotVersionId);
    expect(await farm.stateOf(shotVersionId)).toBe('held');
    const { details } = await farm.errorOf(shotVersionId);
    expect(details).toMatchObject({ reasons: ['NOBODYS_FACE'], sampled: 4, read: 4, byRenderer: 0 });
    const [{ frames: strange = [] } = {}] = (details?.['faults'] ?? []) as { frames: number[] }[];
    expect(strange).toHaveLength(2);
    expect(strange.every((frame) => frame < made.rendered.endFrame)).toBe(true);

    // Given up, and other frames rendered anew: those that were held are taken over, and looked at again.
    await farm.get(ShotActs).cancel(stage.actor, shot.shotId, 'not so');
    const other = { startFrame: PLATE_FRAMES - 1, endFrame: PLATE_FRAMES };
    await farm.get(Resubmissions).resubmit(stage.actor, head, { frames: other, reason: 'the last frames anew' });
    const third = await farm.one<{ id: string }>(
      'SELECT id FROM shot_versions WHERE shot_id = $1 ORDER BY version DESC LIMIT 1',
      [shot.shotId],
    );
    await lane.workOff();
    await farm.runStage('assemble', third.id);
    await farm.runStage('verify', third.id);
    const kept = await farm.owner.query<{ frame: number }>(
      'SELECT frame FROM output_checks WHERE shot_version_id = $1',
      [third.id],
    );
    expect(kept.map(({ frame }) => frame)).toEqual(expect.arrayContaining(strange));
    await farm.get(ShotActs).cancel(stage.actor, shot.shotId, 'enough');
    await gone(maker);
    await farm.get(AnalysisPurge).run();
    expect(await left()).toBe(0);
  });

  it('and nothing of them outlives a revocation', async () => {
    const shotVersionId = await verifying();
    await farm.runStage('verify', shotVersionId);
    expect(await left()).toBe(4);
    await farm.get(ConsentRevocations).revoke(stage.actor, stage.identityConsentId, 'no more of it');
    await farm.get(AnalysisPurge).run();
    expect(await left()).toBe(0);
    expect(await lane.workOff()).toEqual([]);
  });
});
