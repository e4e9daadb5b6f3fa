import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LeaseSweep } from '../../apps/coordinator/src/shards/lease-sweep.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addLane, addWork, clearLine, fail, lease, REASON } from './line.js';
import { capabilities } from './shards-farm.js';
import { addShot } from './shot-fixture.js';

let farm: TestCoordinator;
let operator: TestPerson;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  operator = await farm.addUser(['farm_operator']);
});
afterAll(() => farm.stop());
beforeEach(() => clearLine(farm));

describe('lanes', () => {
  it('that are drained get nothing, also in a request held open; with --now they hand back what they have', async () => {
    const shot = await addWork(farm, { count: 1 });
    const lane = await addLane(farm);
    const leased = await lease(farm, lane);
    const held = lease(farm, await addLane(farm), 20);
    const params = { laneId: lane.id };
    await farm.call('drainLane', operator.token, { params, body: { now: true, ...REASON } });
    const { body } = await farm.call('pollOrders', lane.worker.token, { params, query: { waitSeconds: '0' } });
    expect(body.orders).toMatchObject([{ attemptId: leased?.attemptId, order: 'stop' }]);
    const release = { epoch: leased!.epoch, reason: 'stopped' };
    await farm.call('releaseAttempt', lane.worker.token, { params: { attemptId: leased!.attemptId }, body: release });
    expect(await lease(farm, lane)).toBeNull();
    expect(await held).toMatchObject({ taskId: leased!.taskId, shotVersionId: shot.shotVersionId });
    const { body: workers } = await farm.call('listWorkers', operator.token, { query: { limit: '500' } });
    const shown = workers.items.flatMap(({ lanes }) => lanes).find(({ id }) => id === lane.id);
    expect(shown?.drainedAt).not.toBeNull();
    const again = { ordinal: 0, host: 'host', capabilities: capabilities() };
    await farm.call('registerLane', lane.worker.token, { body: again });
    await addWork(farm, { count: 1 });
    expect(await lease(farm, lane), 'registering again does not undrain').toBeNull();
  });

  it('that failed a shard get it again only when no other is left', async () => {
    await addWork(farm, { count: 1 });
    const [first, second] = [await addLane(farm), await addLane(farm)];
    await fail(farm, first, (await lease(farm, first))!);
    expect(await lease(farm, first)).toBeNull();
    await fail(farm, second, (await lease(farm, second))!);
    expect(await lease(farm, first)).not.toBeNull();
  });

  it('that fail several shots are set aside, unless they are the last of their kind; undraining forgives', async () => {
    const projectId = (await addWork(farm, { count: 1 })).projectId;
    for (let n = 0; n < 3; n += 1) await addWork(farm, { count: 1 }, await addShot(farm.owner, { projectId }));
    const lane = await addLane(farm);
    const [bystander] = [await addLane(farm)];
    for (let n = 0; n < 3; n += 1) await fail(farm, lane, (await lease(farm, lane))!);
    const [line] = await farm.audit('lane.set_aside');
    expect(line).toMatchObject({ subjectId: lane.id, data: { failedTasks: 3, failedShots: 3 } });
    expect(await lease(farm, lane)).toBeNull();
    for (let n = 0; n < 3; n += 1) await fail(farm, bystander, (await lease(farm, bystander))!);
    expect(await farm.audit('lane.set_aside')).toHaveLength(1);
    await farm.call('undrainLane', operator.token, { params: { laneId: lane.id }, body: REASON });
    expect(await lease(farm, lane)).not.toBeNull();
  });
});

describe('an attempt that stands still', () => {
  it('is taken from its lane though the lane is alive, and given to another first', async () => {
    const shot = await addWork(farm, { count: 1 });
    const [lane, other] = [await addLane(farm), await addLane(farm)];
    const leased = (await lease(farm, lane))!;
    const sweep = farm.app.get(LeaseSweep, { strict: false });
    const beat = async (framesDone: number, receivedBytes?: number) =>
      await farm.call('heartbeatAttempt', lane.worker.token, {
        params: { attemptId: leased.attemptId },
        body: { epoch: leased.epoch, framesDone, ...(receivedBytes === undefined ? {} : { receivedBytes }) },
      });
    const standStill = `UPDATE attempts SET progress_at = now() - interval '1 hour' WHERE id = $1`;
    await farm.owner.query(standStill, [leased.attemptId]);
    await beat(1);
    expect(await sweep.sweepStuck()).toBe(0);
    // A plate that comes slowly is progress; the same of it once more is none.
    await farm.owner.query(standStill, [leased.attemptId]);
    await beat(1, 5_000_000_000);
    expect(await sweep.sweepStuck()).toBe(0);
    await farm.owner.query(standStill, [leased.attemptId]);
    await beat(1, 5_000_000_000);
    expect(await sweep.sweepStuck()).toBe(1);
    expect((await beat(2)).status).toBe(409);
    await farm.owner.query(`UPDATE tasks SET not_before = now() WHERE shot_version_id = $1`, [shot.shotVersionId]);
    expect(await lease(farm, lane)).toBeNull();
    expect(await lease(farm, other)).toMatchObject({ taskId: leased.taskId });
  });
});
