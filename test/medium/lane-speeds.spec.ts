import { randomUUID } from 'node:crypto';
import type { Recipe } from '@understudy/contracts';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Lane } from '../../apps/coordinator/src/shards/lane.js';
import { PlanRepository } from '../../apps/coordinator/src/stages/plan/plan.repository.js';
import { ShardsFarm } from './shards-farm.js';
import { addShot, type ShotFixture } from './shot-fixture.js';

const PACK = { id: 'a-swapper', version: '1.0.0', sha256: 'a'.repeat(64) };
/** As a person submits it, and as the plan writes it. */
const NAMED = { processors: [{ type: 'swap', pack: { id: PACK.id } }] } as unknown as Recipe;
const PINNED = { processors: [{ type: 'swap', pack: PACK }] } as unknown as Recipe;
const REPLACE = { processors: [{ type: 'replace' }] } as unknown as Recipe;
const HD = { video: { width: 1920, height: 1080 } };

let farm: ShardsFarm;
beforeAll(async () => {
  farm = await ShardsFarm.start();
});
afterAll(() => farm.stop());
beforeEach(async () => {
  await farm.owner.query(`UPDATE shot_versions SET state = 'cancelled'`);
  await farm.owner.query(`UPDATE lanes SET state = 'lost'`);
});

async function shotOf(recipe: Recipe, media: object = HD): Promise<ShotFixture> {
  const shot = await addShot(farm.owner, { state: 'planning', media });
  await farm.owner.query(
    `UPDATE shot_versions SET settings = settings || jsonb_build_object('recipe', $2::jsonb) WHERE id = $1`,
    [shot.shotVersionId, JSON.stringify(recipe)],
  );
  return shot;
}

/** A shot of which the lane rendered three shards so fast; the middle one counts. */
async function rendered(lane: Lane, fps: number, recipe: Recipe, media: object = HD): Promise<void> {
  const { shotVersionId, plateAssetId } = await shotOf(recipe, media);
  await farm.owner.query(`UPDATE shot_versions SET state = 'ready', parity_class = $2 WHERE id = $1`, [
    shotVersionId,
    lane.parityClass,
  ]);
  for (const [n, factor] of [0.1, 1, 5].entries()) {
    const taskId = randomUUID();
    await farm.owner.query(
      `INSERT INTO tasks (id, kind, shot_version_id, asset_id, start_frame, end_frame, state)
       VALUES ($1, 'render', $2, $3, $4, $4 + 600, 'accepted')`,
      [taskId, shotVersionId, plateAssetId, n * 600],
    );
    await farm.owner.query(
      `INSERT INTO attempts (id, task_id, epoch, lane_id, state, leased_at, ended_at, expires_at)
       VALUES ($1, $2, 1, $3, 'accepted', now() - make_interval(secs => $4), now(), now())`,
      [randomUUID(), taskId, lane.id, 600 / (fps * factor)],
    );
  }
}

const fpsOf = async (recipe: Recipe, media: object = HD, pinned = recipe) =>
  await farm.get(PlanRepository).laneFps(farm.owner, (await shotOf(recipe, media)).shotVersionId, pinned);

it('a shot is as fast as those of the same recipe, by its packs as the plan pins them, and the same size', async () => {
  const lane = await farm.addLane();
  expect(await fpsOf(NAMED, HD, PINNED)).toBeNull();
  await rendered(lane, 40, REPLACE);
  await rendered(lane, 30, PINNED, { video: { width: 960, height: 540 } });
  await rendered(lane, 5, PINNED);
  expect(await fpsOf(NAMED, HD, PINNED)).toBeCloseTo(5, 3);
  expect(await fpsOf(REPLACE)).toBeCloseTo(40, 3);
});

it('is as fast as any, in proportion to its size, where there is none alike', async () => {
  await rendered(await farm.addLane(), 40, REPLACE);
  expect(await fpsOf(REPLACE, { video: { width: 3840, height: 2160 } })).toBeCloseTo(10, 3);
});

it('is as fast as the class of lanes that most are of now, never as a mixture of two', async () => {
  const [slow, fast] = [await farm.addLane(), await farm.addLane({ provider: 'cuda' })];
  await farm.addLane();
  await rendered(slow, 2, REPLACE);
  await rendered(fast, 50, REPLACE);
  expect(await fpsOf(REPLACE)).toBeCloseTo(2, 3);
  await farm.addLane({ provider: 'cuda' });
  await farm.addLane({ provider: 'cuda' });
  expect(await fpsOf(REPLACE)).toBeCloseTo(50, 3);
  // What rendered such shots is gone: those that are there tell more, by whatever they did.
  await farm.owner.query(`UPDATE lanes SET state = 'lost' WHERE parity_class = $1`, [fast.parityClass]);
  expect(await fpsOf(REPLACE)).toBeCloseTo(2, 3);
});
