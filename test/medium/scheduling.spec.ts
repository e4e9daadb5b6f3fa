import type { RouteOutput } from '@understudy/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StageTransitions } from '../../apps/coordinator/src/stages/stage-transitions.js';
import { AttemptEnds } from '../../apps/coordinator/src/shards/attempt-ends.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addLane, addWork, clearLine, lease, REASON } from './line.js';
import { addShot, type ShotFixture } from './shot-fixture.js';

let farm: TestCoordinator;
let operator: TestPerson;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  operator = await farm.addUser(['farm_operator']);
});
afterAll(() => farm.stop());
beforeEach(() => clearLine(farm));

async function outlook({ shotId }: ShotFixture): Promise<RouteOutput<'getShotOutlook'>> {
  return (await farm.call('getShotOutlook', operator.token, { params: { shotId } })).body;
}
const whyOf = async (shot: ShotFixture) => (await outlook(shot)).waiting?.code ?? null;

describe('why a shot waits', () => {
  it('is said by the rules of the claim, from no lane at all to the next one', async () => {
    const shot = await addWork(farm, { count: 3 });
    expect(await whyOf(shot)).toBe('NO_LANES');
    const lane = await addLane(farm);
    expect(await outlook(shot)).toMatchObject({
      waiting: { code: 'NEXT', details: { shards: 3 } },
      shards: { waiting: 3, running: 0, setAside: 0 },
      etaSeconds: null,
    });
    const urgent = await addWork(farm, { count: 1, priority: 95 });
    expect((await outlook(shot)).waiting).toEqual({
      code: 'BEHIND_OTHER_WORK',
      text: 'other work goes first: it is urgent',
      details: { because: 'URGENT', shards: 3 },
    });
    expect(await lease(farm, lane)).not.toBeNull();
    expect(await whyOf(urgent)).toBeNull();
    expect(await whyOf(shot)).toBe('LANES_BUSY');
    await farm.owner.query(`UPDATE tasks SET not_before = now() + interval '1 minute' WHERE state = 'pending'`);
    expect(await whyOf(shot)).toBe('RETRY_PAUSE');
  });

  it('is told with what failed: on its host, and at its last try', async () => {
    const shot = await addWork(farm, { count: 1 });
    const lane = await addLane(farm);
    const ends = farm.app.get(AttemptEnds, { strict: false });
    const failing = async (code: 'DISK_FULL' | 'INTERNAL') => {
      const { attemptId, epoch } = (await lease(farm, lane))!;
      await ends.fail(lane.worker.id, attemptId, epoch, { code, message: 'it failed', retryable: true });
    };
    await failing('DISK_FULL');
    await farm.owner.query(`UPDATE tasks SET not_before = now() WHERE state = 'pending'`);
    expect((await outlook(shot)).waiting).toMatchObject({
      code: 'LANES_OFF',
      text: expect.stringContaining('(DISK_FULL)'),
      details: { because: ['DISK_FULL'] },
    });
    const { body } = await farm.call('listWorkers', operator.token, { query: { limit: '500' } });
    const shown = body.items.flatMap(({ lanes }) => lanes).find(({ id }) => id === lane.id);
    expect(shown).toMatchObject({ setAsideReason: 'DISK_FULL', setAsideUntil: expect.any(String) });
    await farm.call('undrainLane', operator.token, { params: { laneId: lane.id }, body: REASON });
    await failing('INTERNAL');
    expect((await outlook(shot)).waiting).toMatchObject({ code: 'RETRY_PAUSE', details: { because: 'INTERNAL' } });
  });

  it('names what lanes lack, and lanes that are drained', async () => {
    const shot = await addWork(farm, { count: 1 });
    const lane = await addLane(farm, { vramMiB: 4000 });
    const needs = async (value: object) =>
      await farm.owner.query('UPDATE shot_versions SET needs = $2::jsonb WHERE id = $1', [
        shot.shotVersionId,
        JSON.stringify(value),
      ]);
    for (const [asked, misfit] of [
      [{ leastVramMiB: 8000 }, 'VRAM'],
      [{ pool: 'night' }, 'POOL'],
      [{ providers: ['cuda'] }, 'PROVIDER'],
      [{ precision: 'fp16' }, 'PRECISION'],
      [{ models: ['another'] }, 'MODEL'],
      [{ leastComputeCapability: 86 }, 'COMPUTE_CAPABILITY'],
    ] as const) {
      await needs(asked);
      expect((await outlook(shot)).waiting).toMatchObject({ code: 'NO_LANE_FITS', details: { misfits: [misfit] } });
      expect(await lease(farm, lane), misfit).toBeNull();
    }
    await needs({ pool: 'night', leastVramMiB: 4000, providers: ['cpu'], precision: 'fp32', models: ['default'] });
    await farm.call('setLanePools', operator.token, { params: { laneId: lane.id }, body: { pools: ['night'] } });
    await farm.call('drainLane', operator.token, { params: { laneId: lane.id }, body: REASON });
    expect(await whyOf(shot)).toBe('LANES_OFF');
    await farm.call('undrainLane', operator.token, { params: { laneId: lane.id }, body: REASON });
    expect(await lease(farm, lane)).toMatchObject({ kind: 'render', shotVersionId: shot.shotVersionId });
  });

  it('is that the only free lane failed what waits and leaves it to others for a while', async () => {
    const shot = await addWork(farm, { count: 2 });
    const [lane, other] = [await addLane(farm), await addLane(farm)];
    await farm.owner.query(
      `UPDATE tasks SET avoid_lanes = $2, avoid_until = now() + interval '1 minute' WHERE shot_version_id = $1`,
      [shot.shotVersionId, [lane.id, other.id]],
    );
    expect((await outlook(shot)).waiting).toMatchObject({
      code: 'LANES_STAND_BACK',
      details: { lanes: 2, seconds: 60 },
    });
    expect(await lease(farm, lane)).toBeNull();
    // One of the two shards is open to one of them.
    await farm.owner.query('UPDATE tasks SET avoid_lanes = $2 WHERE shot_version_id = $1 AND start_frame = 0', [
      shot.shotVersionId,
      [lane.id],
    ]);
    expect(await whyOf(shot)).toBe('NEXT');
    expect(await lease(farm, other)).toMatchObject({ startFrame: 0 });
    expect(await whyOf(shot)).toBe('LANES_STAND_BACK');
  });

  it('is that no lane of its parity class is there any more; a person has it rendered anew on others', async () => {
    const shot = await addWork(farm, { count: 3 });
    const old = await addLane(farm);
    expect(await lease(farm, old)).toMatchObject({ startFrame: 0 });
    const upgraded = await addLane(farm, { provider: 'cuda' });
    expect(await whyOf(shot)).toBe('LANES_BUSY');
    expect(await lease(farm, upgraded)).toBeNull();
    await farm.owner.query(`UPDATE lanes SET state = 'lost' WHERE id = $1`, [old.id]);
    expect((await outlook(shot)).waiting).toMatchObject({
      code: 'CLASS_GONE',
      text: expect.stringContaining('retry --any-class'),
    });
    const params = { shotId: shot.shotId };
    const body = { ...REASON, anyClass: true };
    const { body: anew } = await farm.call('retryShot', operator.token, { params, body });
    expect(anew).toMatchObject({ state: 'rendering', version: 2 });
    const [before] = await farm.owner.query('SELECT state::text AS state FROM shot_versions WHERE id = $1', [
      shot.shotVersionId,
    ]);
    expect(before).toEqual({ state: 'cancelled' });
    // The lane that comes back is told to stop, and what it makes of the old version counts for nothing.
    expect(await farm.owner.query(`SELECT "order" FROM attempts WHERE lane_id = $1`, [old.id])).toEqual([
      { order: 'stop' },
    ]);
    const leases = [await lease(farm, upgraded), await lease(farm, upgraded), await lease(farm, upgraded)];
    expect(leases).toMatchObject([{ startFrame: 0 }, { startFrame: 10 }, { startFrame: 20 }]);
    expect(await lease(farm, upgraded)).toBeNull();
    await farm.owner.query(`UPDATE shot_versions SET state = 'ready' WHERE shot_id = $1`, [shot.shotId]);
    expect((await farm.call('retryShot', operator.token, { params, body })).status).toBe(409);
  });

  it("is its project's cap, which the operator sets, with the weight", async () => {
    const shot = await addWork(farm, { count: 2 });
    const [lane, other] = [await addLane(farm), await addLane(farm)];
    await lease(farm, lane);
    const params = { projectId: shot.projectId };
    const set = await farm.call('setProjectShare', operator.token, { params, body: { weight: 3, mostLanes: 1 } });
    expect(set.body).toEqual({ weight: 3, mostLanes: 1 });
    expect(await lease(farm, other)).toBeNull();
    expect((await outlook(shot)).waiting).toMatchObject({
      code: 'PROJECT_AT_CAP',
      text: 'its project has 1 of at most 1 lanes',
    });
    await farm.call('setProjectShare', operator.token, { params, body: { weight: 3, mostLanes: null } });
    expect(await lease(farm, other)).not.toBeNull();
    expect(await farm.audit('project.share_set')).toHaveLength(2);
    const producer = await farm.addMember(shot.projectId, 'producer');
    expect(
      (await farm.call('setProjectShare', producer.token, { params, body: { weight: 9, mostLanes: null } })).status,
    ).toBe(403);
  });
});

describe('a person orders the line', () => {
  it('pauses a shot and lets it go on', async () => {
    const shot = await addWork(farm, { count: 2 });
    const producer = await farm.addMember(shot.projectId, 'producer');
    const lane = await addLane(farm);
    const params = { shotId: shot.shotId };
    expect((await farm.call('pauseShot', producer.token, { params, body: REASON })).status).toBe(200);
    expect(await lease(farm, lane)).toBeNull();
    expect(await whyOf(shot)).toBe('PAUSED');
    await farm.call('unpauseShot', producer.token, { params, body: REASON });
    expect(await lease(farm, lane)).not.toBeNull();
    expect([await farm.audit('shot.paused'), await farm.audit('shot.unpaused')].map((lines) => lines.length)).toEqual([
      1, 1,
    ]);
    await farm.owner.query(`UPDATE shot_versions SET state = 'ready' WHERE id = $1`, [shot.shotVersionId]);
    expect((await farm.call('pauseShot', producer.token, { params, body: REASON })).status).toBe(409);
  });

  it('changes a priority, which the next claim goes by', async () => {
    const first = await addWork(farm, { count: 1 });
    const second = await addWork(farm, { count: 1 }, await addShot(farm.owner, { projectId: first.projectId }));
    const body = { priority: 80, ...REASON };
    await farm.call('setShotPriority', operator.token, { params: { shotId: second.shotId }, body });
    expect(await lease(farm, await addLane(farm))).toMatchObject({ shotVersionId: second.shotVersionId });
    expect((await farm.audit('shot.prioritised'))[0]?.data).toMatchObject({ from: 50, to: 80, yielded: [] });
    // A result that is just being looked at may be refused, and goes back into the line where its shot is now.
    await farm.owner.query(`UPDATE tasks SET state = 'reported' WHERE shot_version_id = $1`, [second.shotVersionId]);
    await farm.call('setShotPriority', operator.token, {
      params: { shotId: second.shotId },
      body: { ...body, priority: 30 },
    });
    const [task] = await farm.owner.query('SELECT priority FROM tasks WHERE shot_version_id = $1', [
      second.shotVersionId,
    ]);
    expect(task).toEqual({ priority: 30 });
  });

  it('makes just the lanes yield that an urgent shot can use, at once; what they hand back counts against nobody', async () => {
    const ordinary = await addWork(farm, { count: 3 });
    const lanes = [await addLane(farm), await addLane(farm), await addLane(farm)];
    const leases = [];
    for (const lane of lanes) leases.push(await lease(farm, lane));
    const urgent = await addWork(farm, { count: 2 });
    const body = { priority: 95, yieldNow: true, ...REASON };
    await farm.call('setShotPriority', operator.token, { params: { shotId: urgent.shotId }, body });
    const told = await Promise.all(
      lanes.map(
        async ({ id, worker }) =>
          (await farm.call('pollOrders', worker.token, { params: { laneId: id }, query: { waitSeconds: '0' } })).body
            .orders,
      ),
    );
    expect(told.flat().map(({ order }) => order)).toEqual(['stop', 'stop']);
    const [yielded] = told.flat();
    const n = leases.findIndex((one) => one?.attemptId === yielded?.attemptId);
    const release = { epoch: yielded!.epoch, reason: 'stopped' };
    await farm.call('releaseAttempt', lanes[n]!.worker.token, {
      params: { attemptId: yielded!.attemptId },
      body: release,
    });
    expect(await lease(farm, lanes[n]!)).toMatchObject({ shotVersionId: urgent.shotVersionId });
    const [task] = await farm.owner.query('SELECT state::text AS state, failures FROM tasks WHERE id = $1', [
      leases[n]!.taskId,
    ]);
    expect(task).toEqual({ state: 'pending', failures: 0 });
    const { lost } = (await outlook(ordinary)).laneSeconds;
    expect(lost).toBeGreaterThan(0);
    const producer = await farm.addMember(ordinary.projectId, 'producer');
    const params = { projectId: ordinary.projectId };
    const { body: cost } = await farm.call('getProjectCost', producer.token, { params });
    expect(cost).toMatchObject({ shots: 1, laneSeconds: { accepted: 0, lost } });
  });

  it('retries a failed shot: what was accepted stays, the rest is to be done again', async () => {
    const shot = await addWork(farm, { count: 3 });
    const params = { shotId: shot.shotId };
    expect((await farm.call('retryShot', operator.token, { params, body: REASON })).status).toBe(409);
    await farm.owner.query(
      `UPDATE tasks SET failures = 3, state = CASE start_frame WHEN 0 THEN 'accepted' WHEN 10 THEN 'failed' ELSE 'cancelled' END::task_state
        WHERE shot_version_id = $1`,
      [shot.shotVersionId],
    );
    await farm.owner.query(`UPDATE shot_versions SET state = 'failed', error_code = 'SHARD_FAILED' WHERE id = $1`, [
      shot.shotVersionId,
    ]);
    const { body } = await farm.call('retryShot', operator.token, { params, body: REASON });
    expect(body).toMatchObject({ state: 'rendering', error: null });
    const tasks = await farm.owner.query(
      'SELECT state::text AS state, failures FROM tasks WHERE shot_version_id = $1 ORDER BY start_frame',
      [shot.shotVersionId],
    );
    expect(tasks).toEqual([
      { state: 'accepted', failures: 3 },
      { state: 'pending', failures: 0 },
      { state: 'pending', failures: 0 },
    ]);
    expect(await lease(farm, await addLane(farm))).toMatchObject({ startFrame: 10 });
  });

  it('lets a shot wait for others, and go on when the last of them is ready', async () => {
    const [first, second] = [
      await addShot(farm.owner, { state: 'verifying' }),
      await addShot(farm.owner, { state: 'verifying' }),
    ];
    const shot = await addWork(farm, { count: 1 });
    await farm.owner.query('UPDATE shot_versions SET waits_for = $2 WHERE id = $1', [
      shot.shotVersionId,
      [first.shotId, second.shotId],
    ]);
    const lane = await addLane(farm);
    const ready = async ({ shotVersionId }: ShotFixture) =>
      await farm.runtime.hotTransaction(async (sql) => {
        const move = { shotVersionId, from: ['verifying'], to: 'ready', actor: 'system' } as const;
        await farm.app.get(StageTransitions, { strict: false }).move(sql, move);
      });
    await ready(first);
    expect(await lease(farm, lane)).toBeNull();
    expect((await outlook(shot)).waiting).toMatchObject({
      code: 'AFTER_OTHER_SHOTS',
      details: { shots: [second.shotId] },
    });
    const state = async (of: ShotFixture, to: string) =>
      await farm.owner.query('UPDATE shot_versions SET state = $2::shot_state WHERE id = $1', [of.shotVersionId, to]);
    await state(second, 'failed');
    expect((await outlook(shot)).waiting).toMatchObject({
      code: 'AFTER_FAILED_SHOTS',
      details: { shots: [second.shotId] },
    });
    await state(second, 'verifying');
    const held = lease(farm, lane, 20);
    await ready(second);
    expect(await held).toMatchObject({ shotVersionId: shot.shotVersionId });
  });
});
