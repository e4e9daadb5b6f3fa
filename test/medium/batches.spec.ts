import type { BatchStanding } from '@understudy/contracts';
import { expect, it } from 'vitest';
import { BatchActs } from '../../apps/coordinator/src/shots/batch-acts.js';
import { BatchStandings } from '../../apps/coordinator/src/shots/batch-standings.js';
import { BatchRepository } from '../../apps/coordinator/src/shots/batch.repository.js';
import { ShotRepository } from '../../apps/coordinator/src/shots/shot.repository.js';
import { Claims } from '../../apps/coordinator/src/shards/claims.js';
import type { FakeLane } from './fake-lane.js';
import { PLATE_FRAMES } from './drawn-plate.js';
import type { Stage, StagesFarm } from './stages-farm.js';
import { useStages } from './use-stages.js';

const NIGHT = { batch: 'night' };

let plate: string;
let farm: StagesFarm;
let lane: FakeLane;
let stage: Stage;
useStages((world) => {
  ({ farm, lane, plate, stage } = world);
});

const heads = async (action: 'read' | 'pause' = 'read', actor = stage.actor) => {
  const { id } = await farm.one<{ id: string }>(`SELECT id FROM batches WHERE project_id = $1 AND name = 'night'`, [
    stage.projectId,
  ]);
  return await farm.get(ShotRepository).ofBatch(actor, action, id);
};
const standing = async (): Promise<BatchStanding> => await farm.get(BatchStandings).of(await heads());

it('is added to while it runs: what runs of it goes on undisturbed', async () => {
  const first = await farm.bringTo('rendering', stage, lane, NIGHT);
  const lease = await farm.get(Claims).claim(lane.lane);
  const before = await farm.snapshot(first.shotVersionId);
  expect(await standing()).toMatchObject({
    shots: [{ state: 'rendering', shots: 1 }],
    frames: { total: PLATE_FRAMES, rendered: 0 },
    shards: { total: 2, accepted: 0, waiting: 1, running: 1 },
    etaSeconds: null,
  });
  const second = await farm.submit(stage, { ...NIGHT, leastShards: 3 });
  expect(await farm.snapshot(first.shotVersionId)).toEqual(before);
  const joined = await standing();
  expect(joined.shots).toEqual([
    { state: 'ingesting', shots: 1 },
    { state: 'rendering', shots: 1 },
  ]);
  await lane.complete(lease!);
  const other = await farm.get(Claims).claim(lane.lane);
  // The frames of the second are not counted yet: any number would be a guess.
  expect(await standing()).toMatchObject({ frames: { total: null, rendered: 15 }, etaSeconds: null });
  await farm.owner.query(`UPDATE attempts SET leased_at = ended_at - interval '3 seconds' WHERE id = $1`, [
    lease!.attemptId,
  ]);
  await farm.runStage('ingest', second.shotVersionId);
  const planned = await standing();
  expect(planned).toMatchObject({ frames: { total: 2 * PLATE_FRAMES, rendered: 15 }, settled: false });
  // One lane, half of one shot and all of the other to do, at the pace of what is done: 3 s for 15 frames.
  expect(planned.etaSeconds).toBeCloseTo(9, 1);
  await lane.complete(other!);
  expect(await farm.stateOf(first.shotVersionId)).toBe('assembling');
});

it('is listed to whoever sees a shot of it, and one name is one batch', async () => {
  const one = await farm.submit(stage, NIGHT);
  await farm.submit(stage, NIGHT);
  await farm.submit(stage);
  const { items } = await farm.get(BatchRepository).list(stage.actor, { limit: 10 });
  expect(items).toMatchObject([{ projectId: stage.projectId, name: 'night', shots: 2 }]);
  const shown = await farm.get(ShotRepository).list(stage.actor, { limit: 10, batchId: items[0]!.id });
  expect(shown.items).toHaveLength(2);
  expect(shown.items.at(-1)).toMatchObject({ id: one.shotId, batch: { id: items[0]!.id, name: 'night' } });
  const elsewhere = await farm.addStage(plate);
  expect((await farm.get(BatchRepository).list(elsewhere.actor, { limit: 10 })).items).toEqual([]);
  await expect(heads('read', elsewhere.actor)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

it('is paused, let go on, put first and cancelled as one; what has ended is left', async () => {
  const shots = [await farm.bringTo('rendering', stage, lane, NIGHT), await farm.submit(stage, NIGHT)];
  const done = await farm.submit(stage, NIGHT);
  await farm.owner.query(`UPDATE shot_versions SET state = 'released' WHERE id = $1`, [done.shotVersionId]);
  const acts = farm.get(BatchActs);
  expect(await acts.pause(stage.actor, await heads('pause'), true, 'day time')).toEqual({ acted: 2, left: 1 });
  expect(await farm.get(Claims).claim(lane.lane)).toBeNull();
  expect((await standing()).waiting).toEqual([expect.objectContaining({ code: 'PAUSED', shots: 1 })]);
  await acts.pause(stage.actor, await heads('pause'), false, 'night time');
  const asked = { priority: 77, yieldNow: false, reason: 'first' };
  expect(await acts.prioritise(stage.actor, await heads('pause'), asked)).toEqual({ acted: 2, left: 1 });
  const versions = await farm.owner.query<{ priority: number }>(
    'SELECT priority FROM shot_versions WHERE id = ANY ($1::uuid[])',
    [shots.map(({ shotVersionId }) => shotVersionId)],
  );
  expect(versions.map(({ priority }) => priority)).toEqual([77, 77]);
  expect(await farm.get(Claims).claim(lane.lane)).not.toBeNull();
  expect(await acts.cancel(stage.actor, await heads('pause'), 'not wanted')).toEqual({ acted: 2, left: 1 });
  expect(await standing()).toMatchObject({
    settled: true,
    frames: { total: null, rendered: 0 },
    shots: [
      { state: 'released', shots: 1 },
      { state: 'cancelled', shots: 2 },
    ],
  });
});
