import type { TestCoordinator, TestPerson } from './coordinator.js';
import { AttemptEnds } from '../../apps/coordinator/src/shards/attempt-ends.js';
import { TaskWriter } from '../../apps/coordinator/src/shards/task-writer.js';
import { capabilities } from './shards-farm.js';
import { addShot, type ShotFixture, type TaskOptions, tasksOf } from './shot-fixture.js';

/** Why people do what they do in these tests. */
export const REASON = { reason: 'as the test wants it' };

export interface TestLane {
  readonly id: string;
  readonly worker: TestPerson;
}

/** Nothing waits or runs any more, and no lane is there. */
export async function clearLine({ owner }: TestCoordinator): Promise<void> {
  await owner.query(`UPDATE tasks SET state = 'cancelled' WHERE state NOT IN ('accepted', 'failed', 'cancelled')`);
  await owner.query(`UPDATE attempts SET state = 'stopped', ended_at = now() WHERE state IN ('running', 'reported')`);
  await owner.query(`UPDATE lanes SET state = 'lost'`);
}

export async function addLane(
  farm: TestCoordinator,
  options: Parameters<typeof capabilities>[0] & { vramMiB?: number } = {},
): Promise<TestLane> {
  const worker = await farm.addWorker();
  const body = { ordinal: 0, host: 'host', capabilities: { ...capabilities(options), vramMiB: options.vramMiB ?? 0 } };
  const { body: made } = await farm.call('registerLane', worker.token, { body });
  return { id: made.laneId, worker };
}

export async function addWork(farm: TestCoordinator, tasks: TaskOptions, shot?: ShotFixture): Promise<ShotFixture> {
  const of = shot ?? (await addShot(farm.owner));
  await farm.runtime.hotTransaction(async (sql) => {
    await farm.app.get(TaskWriter, { strict: false }).create(sql, tasksOf(of, tasks));
  });
  return of;
}

export async function lease(farm: TestCoordinator, lane: TestLane, waitSeconds = 0) {
  const { body } = await farm.call('leaseTask', lane.worker.token, {
    params: { laneId: lane.id },
    body: { waitSeconds },
  });
  return body.lease;
}

/** The attempt fails; its task may be leased again at once. */
export async function fail(
  farm: TestCoordinator,
  lane: TestLane,
  of: { attemptId: string; epoch: number },
): Promise<void> {
  const failure = { code: 'INTERNAL', message: 'broken', retryable: true } as const;
  await farm.app.get(AttemptEnds, { strict: false }).fail(lane.worker.id, of.attemptId, of.epoch, failure);
  await farm.owner.query(`UPDATE tasks SET not_before = now() WHERE state = 'pending'`);
}
