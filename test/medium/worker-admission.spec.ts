import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TaskWriter } from '../../apps/coordinator/src/shards/task-writer.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { capabilities } from './shards-farm.js';
import { newHostKey, openSession } from './worker-host.js';
import { addShot, type ShotFixture, tasksOf } from './shot-fixture.js';

let farm: TestCoordinator;
let operator: TestPerson;
let other: TestPerson;
beforeAll(async () => {
  farm = await TestCoordinator.start({ ACCOUNTS: 'strict' });
  operator = await farm.addUser(['farm_operator']);
  other = await farm.addUser(['org_admin']);
  await farm.owner.query('UPDATE tokens SET second_factor = true');
});
afterAll(() => farm.stop());
beforeEach(async () => {
  await farm.owner.query(`UPDATE tasks SET state = 'cancelled' WHERE state IN ('pending', 'leased')`);
  await farm.owner.query(`UPDATE attempts SET state = 'stopped', ended_at = now() WHERE state = 'running'`);
});

interface TestWorker {
  readonly id: string;
  readonly token: string;
  readonly laneId: string;
}

/** Its key is approved and its lane registered; the worker itself waits for approval. */
async function addWorker(projectIds: string[] | null = null): Promise<TestWorker> {
  const body = { name: `worker ${randomUUID()}`, projectIds };
  const made = await farm.call('createWorker', operator.token, { body });
  expect(made.body.pending).toBe(true);
  const lane = { ordinal: 0, host: 'host', capabilities: capabilities() };
  const { id, secret } = made.body;
  const key = newHostKey();
  await openSession(farm, secret, key);
  await farm.call('approveWorker', other.token, {
    params: { workerId: id },
    body: { fingerprints: [key.fingerprint] },
  });
  const { token } = await openSession(farm, secret, key);
  const registered = await farm.call('registerLane', token, { body: lane });
  await farm.owner.query('UPDATE workers SET approved_by = NULL WHERE id = $1', [id]);
  return { id, token, laneId: registered.body.laneId };
}

async function addWork(count = 1): Promise<ShotFixture> {
  const shot = await addShot(farm.owner);
  await farm.runtime.hotTransaction(async (sql) => {
    await farm.app.get(TaskWriter, { strict: false }).create(sql, tasksOf(shot, { count }));
  });
  return shot;
}

const lease = async ({ token, laneId }: TestWorker, waitSeconds = 0) =>
  (await farm.call('leaseTask', token, { params: { laneId }, body: { waitSeconds } })).body.lease;
const approve = (by: TestPerson, { id }: TestWorker) =>
  farm.call('approveWorker', by.token, { params: { workerId: id } });
const tie = (by: TestPerson, { id }: TestWorker, projectIds: string[] | null) =>
  farm.call('tieWorker', by.token, { params: { workerId: id }, body: { projectIds } });
const orders = async ({ token, laneId }: TestWorker) =>
  (await farm.call('pollOrders', token, { params: { laneId }, query: { waitSeconds: '0' } })).body.orders;

describe('a worker', () => {
  it('gets work once another person has approved it, at once', async () => {
    const worker = await addWorker();
    const shot = await addWork();
    expect(await lease(worker)).toBeNull();
    expect((await approve(operator, worker)).body.error?.code).toBe('FORBIDDEN');
    const listed = (await farm.call('listWorkers', other.token)).body.items.find(({ id }) => id === worker.id);
    expect(listed).toMatchObject({ awaitsApprovalOf: operator.id, projectIds: null });
    // A request that is held open meanwhile ends, and the next one has work.
    const held = lease(worker, 20);
    expect((await approve(other, worker)).status).toBe(200);
    expect((await held) ?? (await lease(worker))).toMatchObject({ shotVersionId: shot.shotVersionId });
    expect((await approve(other, worker)).body.error?.code).toBe('CONFLICT');
    expect((await farm.audit('worker.approved'))[0]).toMatchObject({
      actor: `user:${other.id}`,
      subjectId: worker.id,
      data: { askedBy: operator.id },
    });
  });

  it('tied to projects is handed the work of these alone', async () => {
    const [mine, theirs] = [await addWork(2), await addWork(2)];
    const worker = await addWorker([mine.projectId]);
    await approve(other, worker);
    const leases = [await lease(worker), await lease(worker), await lease(worker)];
    expect(leases.map((one) => (one !== null && 'shotVersionId' in one ? one.shotVersionId : null))).toEqual([
      mine.shotVersionId,
      mine.shotVersionId,
      null,
    ]);
    const why = await farm.call('getShotOutlook', operator.token, { params: { shotId: theirs.shotId } });
    const lanes = await farm.owner.query<{ id: string }>(`SELECT id FROM lanes WHERE state <> 'lost' AND id <> $1`, [
      worker.laneId,
    ]);
    await farm.owner.query(`UPDATE lanes SET state = 'lost' WHERE id = ANY ($1)`, [lanes.map(({ id }) => id)]);
    expect(why.status).toBe(200);
    const alone = await farm.call('getShotOutlook', operator.token, { params: { shotId: theirs.shotId } });
    expect(alone.body.waiting).toMatchObject({ code: 'NO_LANE_FITS', details: { misfits: ['PROJECT'] } });
  });

  it('is narrowed at once, and hands back what it may not see any more', async () => {
    const shot = await addWork();
    const worker = await addWorker();
    await approve(other, worker);
    const leased = await lease(worker);
    const elsewhere = await farm.addProject();
    expect((await tie(operator, worker, [elsewhere])).body).toEqual({ ok: true, pending: false });
    expect(await orders(worker)).toMatchObject([{ attemptId: leased?.attemptId, order: 'stop' }]);
    await farm.owner.query(`UPDATE attempts SET state = 'stopped', ended_at = now() WHERE state = 'running'`);
    await farm.owner.query(`UPDATE tasks SET state = 'pending' WHERE shot_version_id = $1`, [shot.shotVersionId]);
    expect(await lease(worker)).toBeNull();
  });

  it('that is to see more is approved anew, by another than who asked', async () => {
    const [mine, theirs] = [await addWork(), await addWork()];
    const worker = await addWorker([mine.projectId]);
    await approve(other, worker);
    expect((await tie(operator, worker, [mine.projectId, theirs.projectId])).body.pending).toBe(true);
    expect(await lease(worker)).toBeNull();
    expect((await approve(operator, worker)).status).toBe(403);
    expect((await approve(other, worker)).status).toBe(200);
    expect(await lease(worker)).not.toBeNull();
    expect((await tie(operator, worker, null)).body.pending).toBe(true);
    expect((await tie(operator, worker, [randomUUID()])).status).toBe(404);
  });

  it('shut out has no token any more', async () => {
    const worker = await addWorker();
    await approve(other, worker);
    await addWork();
    const body = { reason: 'stolen from the rack' };
    await farm.call('disableWorker', operator.token, { params: { workerId: worker.id }, body });
    const { status } = await farm.call('leaseTask', worker.token, {
      params: { laneId: worker.laneId },
      body: { waitSeconds: 0 },
    });
    expect(status).toBe(401);
  });
});

describe('the database, past the service', () => {
  const run = (sql: string, params: unknown[]) => farm.runtime.query(sql, params);

  it('lets no worker in by one person', async () => {
    await expect(
      run('INSERT INTO workers (id, name, created_by) VALUES ($1, $2, $3)', [randomUUID(), 'w', operator.id]),
    ).rejects.toThrow(/two people/);
    const { id } = await addWorker();
    await expect(run('UPDATE workers SET needs_approval = false WHERE id = $1', [id])).rejects.toThrow(/two people/);
    for (const [by, why] of [
      [operator.id, /four_eyes/],
      [randomUUID(), /org admin or farm operator/],
    ] as const) {
      await expect(run('UPDATE workers SET approved_by = $2 WHERE id = $1', [id, by])).rejects.toThrow(why);
    }
  });

  it('shows no worker more than was approved', async () => {
    const worker = await addWorker([await farm.addProject()]);
    await approve(other, worker);
    await expect(run('UPDATE workers SET tied = false WHERE id = $1', [worker.id])).rejects.toThrow(/let in anew/);
  });

  it('makes no attempt of a project that the worker is not tied to, nor of one that waits', async () => {
    const shot = await addWork();
    const [task] = await farm.owner.query<{ id: string }>('SELECT id FROM tasks WHERE shot_version_id = $1', [
      shot.shotVersionId,
    ]);
    const attempt = (laneId: string) =>
      run(
        `INSERT INTO attempts (id, task_id, epoch, lane_id, expires_at) VALUES ($1, $2, 1, $3, now() + interval '1 minute')`,
        [randomUUID(), task?.id, laneId],
      );
    const waiting = await addWorker();
    await expect(attempt(waiting.laneId)).rejects.toThrow(/may not have that task/);
    const tied = await addWorker([await farm.addProject()]);
    await approve(other, tied);
    await expect(attempt(tied.laneId)).rejects.toThrow(/may not have that task/);
    await approve(other, waiting);
    await expect(attempt(waiting.laneId)).resolves.toEqual([]);
  });
});
