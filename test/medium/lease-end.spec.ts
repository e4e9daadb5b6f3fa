import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MOST_EXPIRIES, MOST_FAILURES } from '../../apps/coordinator/src/shards/attempt-ends.js';
import { ShardsFarm } from './shards-farm.js';
import { revokeConsent } from './shot-fixture.js';

let farm: ShardsFarm;
beforeEach(async () => {
  farm = await ShardsFarm.start();
});
afterEach(async () => {
  await farm.stop();
  vi.restoreAllMocks();
});

/** Lets pauses between tries be over. */
const due = async (taskId: string) =>
  await farm.owner.query(`UPDATE tasks SET not_before = now() - interval '1 second' WHERE id = $1`, [taskId]);

describe('a lane that went silent', () => {
  it('loses its task to another lane under a higher epoch', async () => {
    const shot = await farm.addShot({ count: 1 });
    const [lane, other] = await farm.addLanes(2);
    const lease = await farm.claim(lane!);
    expect(await farm.sweep.sweep()).toBe(0);
    await farm.runOut(lease.attemptId);
    expect(await farm.sweep.sweep()).toBe(1);
    expect(await farm.attempt(lease.attemptId)).toMatchObject({ state: 'expired' });
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'pending', failures: 0 });
    expect(await farm.claim(other!)).toMatchObject({ taskId: lease.taskId, epoch: 2 });
    expect(await farm.told('attempt.expired', lease.attemptId)).toBe(1);
  });

  it('loses it too when everything ended between the report and the acceptance', async () => {
    await farm.addShot({ count: 1 });
    const [lane, other] = await farm.addLanes(2);
    const lease = await farm.claim(lane!);
    const report = await farm.upload(lease);
    farm.verifyWith(() => Promise.reject(new Error('the process was killed')));
    await expect(farm.completions.complete(lane!.workerId, lease.attemptId, report)).rejects.toThrow('killed');
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'reported' });
    await farm.runOut(lease.attemptId);
    expect(await farm.sweep.sweep()).toBe(1);
    farm.acceptAnyBytes();
    const again = await farm.claim(other!);
    expect(again).toMatchObject({ taskId: lease.taskId, epoch: 2 });
    await farm.complete(other!, again);
    expect(await farm.one('SELECT epoch FROM segments')).toEqual({ epoch: 2 });
  });

  it('is expired once by many sweeps at once', async () => {
    await farm.addShot({ count: 6 });
    const lanes = await farm.addLanes(6);
    const first = await farm.claim(lanes[0]!);
    const leases = [first, ...(await Promise.all(lanes.slice(1).map(async (lane) => await farm.claim(lane))))];
    for (const lease of leases) await farm.runOut(lease.attemptId);
    await Promise.all(Array.from({ length: 5 }, async () => await farm.sweep.sweep()));
    await farm.sweep.sweep();
    expect(await farm.told('attempt.expired')).toBe(6);
    expect(await farm.one(`SELECT count(*)::int AS count FROM tasks WHERE state = 'pending' AND epoch = 1`)).toEqual({
      count: 6,
    });
  });

  it('keeps its task while it sends heartbeats', async () => {
    await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    await farm.runOut(lease.attemptId);
    const beat = await farm.heartbeats.beat(lane.workerId, lease.attemptId, { epoch: 1, framesDone: 4 });
    expect(beat.order).toBe('continue');
    expect(beat.expiresAt.getTime()).toBeGreaterThan(Date.now() + 5_000);
    expect(await farm.sweep.sweep()).toBe(0);
    expect(await farm.one('SELECT frames_done AS done FROM attempts')).toEqual({ done: 4 });
  });

  it('ends the task for good when it ends lane after lane', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    for (let n = 0; n < MOST_EXPIRIES; n += 1) {
      const lease = await farm.claim(lane);
      await farm.runOut(lease.attemptId);
      await farm.sweep.sweep();
    }
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'failed', errorCode: 'WORKER_LOST' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
  });
});

describe('a failure', () => {
  const failure = { code: 'PROVIDER_UNAVAILABLE', message: 'no device', retryable: true } as const;

  it('is tried again after a pause that grows, and fails the shot when it stays', async () => {
    const shot = await farm.addShot({ count: 2 });
    const lane = await farm.addLane();
    const pauses: number[] = [];
    for (let n = 1; n <= MOST_FAILURES; n += 1) {
      const lease = await farm.claim(lane);
      await farm.ends.fail(lane.workerId, lease.attemptId, lease.epoch, failure);
      const { pause } = await farm.one<{ pause: number }>(
        'SELECT extract(epoch FROM not_before - clock_timestamp())::float8 AS pause FROM tasks WHERE id = $1',
        [lease.taskId],
      );
      pauses.push(pause);
      if (n < MOST_FAILURES) expect(await farm.task(lease.taskId)).toMatchObject({ state: 'pending', failures: n });
      await due(lease.taskId);
    }
    expect(pauses[0]).toBeGreaterThan(0.5);
    expect(pauses[1]).toBeGreaterThan(1.5);
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'failed', errorCode: 'PROVIDER_UNAVAILABLE' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
    expect(await farm.task(shot.taskIds[1]!)).toMatchObject({ state: 'cancelled' });
  });

  it('is not tried again when another try cannot help', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    await farm.ends.fail(lane.workerId, lease.attemptId, 1, { code: 'NO_FACE', message: 'none', retryable: false });
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'failed', errorCode: 'NO_FACE' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
    expect(await farm.told('attempt.failed', lease.attemptId)).toBe(1);
  });

  it('hands a task back without blame when the lane drains', async () => {
    await farm.addShot({ count: 1 });
    const [lane, other] = await farm.addLanes(2);
    const lease = await farm.claim(lane!);
    await farm.upload(lease);
    await farm.ends.release(lane!.workerId, lease.attemptId, 1, 'drain');
    expect(await farm.attempt(lease.attemptId)).toMatchObject({ state: 'released' });
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'pending', failures: 0 });
    expect(await farm.objects.uploadOffset(lease.attemptId)).toBe(0);
    expect(await farm.claim(other!)).toMatchObject({ epoch: 2 });
  });
});

describe('orders', () => {
  it('stop the lanes of a cancelled shot at once, and a result of theirs no longer counts', async () => {
    await farm.listen();
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 2 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const asked = farm.leases.orders(lane.workerId, lane.id, 20, new AbortController().signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await farm.database.hotTransaction(async (sql) => await farm.tasks.cancelOf(sql, shot.shotVersionId, 'stop'));
    expect(await asked).toEqual([{ attemptId: lease.attemptId, epoch: 1, order: 'stop' }]);
    expect(await farm.heartbeats.beat(lane.workerId, lease.attemptId, { epoch: 1, framesDone: 1 })).toMatchObject({
      order: 'stop',
    });
    await expect(farm.complete(lane, lease)).rejects.toMatchObject({ code: 'CANCELLED' });
    await farm.ends.release(lane.workerId, lease.attemptId, 1, 'stopped');
    expect(await farm.attempt(lease.attemptId)).toMatchObject({ state: 'stopped' });
    for (const id of shot.taskIds) expect(await farm.task(id)).toMatchObject({ state: 'cancelled' });
    expect(await farm.claims.claim(lane)).toBeNull();
    expect(await farm.told('tasks.cancelled', shot.shotVersionId)).toBe(1);
  });

  it('reach a lane by its heartbeat when a consent was withdrawn', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const { expiresAt } = await farm.attempt(lease.attemptId);
    await revokeConsent(farm.owner, shot.identityConsentId);
    const beat = await farm.heartbeats.beat(lane.workerId, lease.attemptId, { epoch: 1, framesDone: 1 });
    expect(beat).toEqual({ order: 'revoked', expiresAt });
    expect(await farm.shotState(shot.shotVersionId)).toBe('revoked');
    // The lane that does not listen loses the task when its lease ends, and nobody gets it any more.
    await farm.runOut(lease.attemptId);
    await farm.sweep.sweep();
    expect(await farm.attempt(lease.attemptId)).toMatchObject({ state: 'expired' });
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'cancelled' });
  });
});
