import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lease } from '@understudy/contracts';
import type { Lane } from '../../apps/coordinator/src/shards/lane.js';
import { ShardsFarm } from './shards-farm.js';

let farm: ShardsFarm;
beforeEach(async () => {
  farm = await ShardsFarm.start();
});
afterEach(() => farm.stop());

async function setShare(projectId: string, { weight = 1, mostLanes }: { weight?: number; mostLanes?: number }) {
  await farm.owner.query('UPDATE projects SET share_weight = $2, most_lanes = $3 WHERE id = $1', [
    projectId,
    weight,
    mostLanes ?? null,
  ]);
}

/** How many lanes each project has. */
async function running(...projectIds: string[]): Promise<number[]> {
  const rows = await farm.owner.query<{ projectId: string; count: number }>(
    `SELECT project_id AS "projectId", count(*)::int AS count FROM tasks WHERE state = 'leased' GROUP BY 1`,
  );
  return projectIds.map((id) => rows.find(({ projectId }) => projectId === id)?.count ?? 0);
}

async function settle({ taskId, attemptId }: Lease): Promise<void> {
  await farm.owner.query(`UPDATE tasks SET state = 'accepted' WHERE id = $1`, [taskId]);
  await farm.owner.query(`UPDATE attempts SET state = 'accepted', ended_at = now() WHERE id = $1`, [attemptId]);
}

describe('the lanes of projects', () => {
  it('of weights 1 and 3 are two and six of eight, whichever lane ends', async () => {
    const light = await farm.addShot({ kind: 'analyse', count: 100, priority: 80 });
    const heavy = await farm.addShot({ kind: 'analyse', count: 100, priority: 20 });
    await setShare(heavy.projectId, { weight: 3 });
    const lanes = await farm.addLanes(8);
    const held: [Lane, Lease][] = [];
    for (const lane of lanes) held.push([lane, await farm.claim(lane)]);
    const of = async () => await running(light.projectId, heavy.projectId);
    expect(await of()).toEqual([2, 6]);
    for (let n = 0; n < 40; n += 1) {
      // In an order of no regard to whose it is.
      const [[lane, lease]] = held.splice((n * 5) % held.length, 1) as [[Lane, Lease]];
      await settle(lease);
      held.push([lane, await farm.claim(lane)]);
      expect(await of()).toEqual([2, 6]);
    }
  });

  it('are never more than its cap, whoever asks at the same time', async () => {
    const shot = await farm.addShot({ kind: 'analyse', count: 40 });
    const other = await farm.addShot({ kind: 'analyse', count: 40, priority: 10 });
    await setShare(shot.projectId, { weight: 100, mostLanes: 3 });
    // Served by two transactions, as by two replicas.
    const lanes = [
      ...(await farm.addLanes(4)),
      ...(await Promise.all(Array.from({ length: 4 }, () => farm.addLane({ provider: 'cuda' })))),
    ];
    let claims: Promise<unknown[]>;
    await farm.owner.hotTransaction(async (sql) => {
      // Whoever counted what runs stops before it leases.
      await sql.query('LOCK TABLE attempts IN SHARE MODE');
      claims = Promise.all(lanes.map((lane) => farm.claims.claim(lane)));
      await farm.untilBlocked('attempts');
      await delay(500);
    });
    expect((await claims!).every((lease) => lease !== null)).toBe(true);
    expect(await running(shot.projectId, other.projectId)).toEqual([3, 5]);
  });
});
