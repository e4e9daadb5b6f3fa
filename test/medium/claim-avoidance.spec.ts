import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lane } from '../../apps/coordinator/src/shards/lane.js';
import { ShardsFarm } from './shards-farm.js';

let farm: ShardsFarm;
beforeEach(async () => {
  farm = await ShardsFarm.start();
});
afterEach(() => farm.stop());

/** Lanes stand back from the tasks, and workers are not to have them. */
async function avoid(
  taskIds: readonly string[],
  { lanes, workers }: { lanes: Lane[]; workers: Lane[] },
): Promise<void> {
  await farm.owner.query(
    `UPDATE tasks SET avoid_lanes = $2, avoid_until = now() + interval '1 hour', avoid_workers = $3 WHERE id = ANY ($1::uuid[])`,
    [taskIds, lanes.map(({ id }) => id), workers.map(({ workerId }) => workerId)],
  );
}

/** What lanes got that one transaction serves: who comes first has one of its own, the others come while it runs. */
async function claimTogether(...lanes: Lane[]): Promise<(string | null)[]> {
  const claims = Promise.all(lanes.map(async (lane) => (await farm.claims.claim(lane))?.taskId ?? null));
  const answer = await Promise.race([claims, delay(5_000)]);
  if (answer === undefined) throw new Error('the claims go round and round');
  return answer;
}

describe('tasks that some lanes are not to have', () => {
  it('are left where each lane of a batch avoids them, for whatever reason, and hide nothing behind them', async () => {
    const [first, lane, other] = (await farm.addLanes(3)) as [Lane, Lane, Lane];
    const shot = await farm.addShot({ count: 4 });
    const [one, two, three, four] = shot.taskIds;
    await avoid([one!, two!], { lanes: [first, lane], workers: [other] });
    await avoid([three!, four!], { lanes: [first], workers: [] });
    expect((await claimTogether(first, lane, other)).toSorted()).toEqual([null, three, four].toSorted());
    expect(await claimTogether(first, lane, other)).toEqual([null, null, null]);
    expect(await farm.task(one!)).toMatchObject({ state: 'pending', epoch: 0 });
  });

  it('go to the lane that may have them', async () => {
    const [first, lane, other] = (await farm.addLanes(3)) as [Lane, Lane, Lane];
    const shot = await farm.addShot({ count: 3 });
    const [one, two, three] = shot.taskIds;
    await avoid([one!, two!], { lanes: [first, lane], workers: [] });
    await avoid([three!], { lanes: [first], workers: [other] });
    expect(await claimTogether(first, lane, other)).toEqual([null, three, one]);
  });

  it('do not keep a lane from other images to read', async () => {
    const lane = await farm.addLane();
    const avoided = await farm.addShot({ kind: 'enrol', count: 1 });
    await farm.owner.query(`UPDATE tasks SET created_at = created_at - interval '1 minute'`);
    const { taskIds } = await farm.addShot({ kind: 'enrol', count: 1 }, { projectId: avoided.projectId });
    await avoid(avoided.taskIds, { lanes: [lane], workers: [] });
    expect(await claimTogether(lane)).toEqual(taskIds);
  });
});
