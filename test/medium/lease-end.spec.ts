import { MOST_FAILURES, MOST_SILENCES } from '@understudy/policy';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Lane } from '../../apps/coordinator/src/shards/lane.js';
import { SchedulingActs } from '../../apps/coordinator/src/shots/scheduling-acts.js';
import { Reconciler } from '../../apps/coordinator/src/stages/reconciler.js';
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

/** The lane takes what is next, and is heard no more. */
async function silence(lane: Lane): Promise<void> {
  const { attemptId } = await farm.claim(lane);
  await farm.runOut(attemptId);
  expect(await farm.sweep.sweep()).toBe(1);
}

/** What a person does about a shot that failed. */
async function retry({ shotId, projectId }: { shotId: string; projectId: string }): Promise<void> {
  const head = { id: shotId, projectId } as Parameters<SchedulingActs['retry']>[1];
  const actor = { label: 'user:operator' } as Parameters<SchedulingActs['retry']>[0];
  await farm.get(SchedulingActs).retry(actor, head, 'as the test wants it');
}

/** Seconds until the task may be leased. */
async function pauseOf(taskId: string): Promise<number> {
  const { pause } = await farm.one<{ pause: number }>(
    'SELECT extract(epoch FROM not_before - clock_timestamp())::float8 AS pause FROM tasks WHERE id = $1',
    [taskId],
  );
  return pause;
}

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
    for (let n = 0; n < MOST_SILENCES; n += 1) await silence(lane);
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'failed', errorCode: 'WORKER_LOST' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
  });

  it('stands back from the task while another lane is there, and does not end it alone', async () => {
    const shot = await farm.addShot({ count: 1 });
    const [bad, good] = await farm.addLanes(2);
    for (let n = 0; n < MOST_SILENCES + 1; n += 1) {
      await silence(bad!);
      expect(await farm.claims.claim(bad!)).toBeNull();
      // The other one was busy all the while.
      await farm.owner.query(`UPDATE tasks SET avoid_until = now() - interval '1 second'`);
    }
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'pending', failures: 0 });
    farm.acceptAnyBytes();
    await farm.complete(good!, await farm.claim(good!));
    expect(await farm.shotState(shot.shotVersionId)).toBe('assembling');
  });

  it('ends nothing by what was forgiven', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    for (let n = 0; n < MOST_SILENCES; n += 1) await silence(lane);
    await retry(shot);
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
    for (let n = 1; n < MOST_SILENCES; n += 1) await silence(lane);
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'pending' });
    await silence(lane);
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
  });

  it('is set aside when it does so at task after task while others are heard', async () => {
    const projectId = (await farm.addShot({ count: 1 })).projectId;
    for (let n = 0; n < 3; n += 1) await farm.addShot({ count: 1 }, { projectId });
    const [bad, good] = await farm.addLanes(2);
    await farm.claim(good!);
    for (let n = 0; n < 3; n += 1) await silence(bad!);
    expect(await farm.told('lane.set_aside', bad!.id)).toBe(1);
    expect(await farm.told('lane.set_aside')).toBe(1);
  });

  it('is not blamed when all were silent', async () => {
    const projectId = (await farm.addShot({ count: 1 })).projectId;
    for (let n = 0; n < 2; n += 1) await farm.addShot({ count: 1 }, { projectId });
    const [lane] = await farm.addLanes(2);
    for (let n = 0; n < 3; n += 1) await silence(lane!);
    expect(await farm.told('lane.set_aside')).toBe(0);
  });
});

describe('a failure', () => {
  const failure = { code: 'PROVIDER_UNAVAILABLE', message: 'no device', retryable: true } as const;

  it('is tried again after a pause that grows where a lane is alone, and is set aside when it stays', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const pauses: number[] = [];
    for (let n = 1; n <= MOST_FAILURES; n += 1) {
      const lease = await farm.claim(lane);
      await farm.ends.fail(lane.workerId, lease.attemptId, lease.epoch, failure);
      pauses.push(await pauseOf(lease.taskId));
      if (n < MOST_FAILURES) expect(await farm.task(lease.taskId)).toMatchObject({ state: 'pending', failures: n });
      await due(lease.taskId);
    }
    expect(pauses[0]).toBeGreaterThan(4);
    expect(pauses[1]).toBeGreaterThan(25);
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'failed', errorCode: 'PROVIDER_UNAVAILABLE' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
  });

  it('goes to another lane at once', async () => {
    await farm.addShot({ count: 1 });
    const [lane, other] = await farm.addLanes(2);
    const lease = await farm.claim(lane!);
    await farm.ends.fail(lane!.workerId, lease.attemptId, lease.epoch, failure);
    expect(await farm.claims.claim(lane!)).toBeNull();
    expect(await farm.claim(other!)).toMatchObject({ taskId: lease.taskId, epoch: 2 });
  });

  it('sets its shard aside, and the shot goes on with the others; trying it anew renders that shard alone', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 3 });
    const [lane, other] = await farm.addLanes(2);
    const first = await farm.claim(lane!);
    const running = await farm.claim(other!);
    await farm.ends.fail(lane!.workerId, first.attemptId, 1, { code: 'NO_FACE', message: 'none', retryable: false });
    expect(await farm.task(first.taskId)).toMatchObject({ state: 'failed', errorCode: 'NO_FACE' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
    expect(await farm.attempt(running.attemptId)).toMatchObject({ state: 'running', order: null });
    // Looked at by the reconciler it is what it is.
    await farm.get(Reconciler).reconcile(0);
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
    await farm.complete(other!, running);
    await farm.complete(lane!, await farm.claim(lane!));
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
    expect(
      await farm.one('SELECT error_code AS code, error_details AS details FROM shot_versions WHERE id = $1', [
        shot.shotVersionId,
      ]),
    ).toMatchObject({ code: 'NO_FACE', details: { taskId: first.taskId, shard: 1, setAside: 1 } });
    expect(await farm.told('tasks.cancelled')).toBe(0);
    await retry(shot);
    const again = await farm.claim(lane!);
    expect(again).toMatchObject({ taskId: first.taskId, epoch: 2 });
    expect(await farm.claims.claim(other!)).toBeNull();
    await farm.complete(lane!, again);
    expect(await farm.shotState(shot.shotVersionId)).toBe('assembling');
  });

  it('fails the shot by the reconciler where everything ended before that was said', async () => {
    const shot = await farm.addShot({ count: 2 });
    await farm.owner.query(`UPDATE tasks SET state = 'failed', error_code = 'INTERNAL' WHERE id = $1`, [
      shot.taskIds[0],
    ]);
    await farm.get(Reconciler).reconcile(0);
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
    await farm.owner.query(`UPDATE tasks SET state = 'failed', error_code = 'INTERNAL' WHERE id = $1`, [
      shot.taskIds[1],
    ]);
    await farm.get(Reconciler).reconcile(0);
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
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
