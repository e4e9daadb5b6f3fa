import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { FakeLane } from './fake-lane.js';
import { makePlate } from './drawn-plate.js';
import { type Stage, StagesFarm } from './stages-farm.js';

export interface StagesWorld {
  /** A folder that goes at the end. */
  readonly folder: string;
  /** A drawn clip in it. */
  readonly plate: string;
  readonly farm: StagesFarm;
  readonly lane: FakeLane;
  /** The present test's own. */
  readonly stage: Stage;
}

/**
 * A farm with a lane and a drawn plate for a file's tests, and for each of them a project whose performers consent; what a
 * test leaves under way is ended.
 *
 * @param take gets them before each test
 */
export function useStages(
  take: (world: StagesWorld) => void,
  settings: () => Record<string, string> = () => ({}),
): void {
  let world: Omit<StagesWorld, 'stage'>;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plates-'));
    const plate = join(folder, 'plate.mp4');
    await makePlate(plate);
    const farm = await StagesFarm.start({ serve: false, settings: settings() });
    world = { folder, plate, farm, lane: await farm.addLane() };
  });
  // A plate of one's own is analysed anew.
  beforeEach(async () => {
    take({ ...world, stage: await world.farm.addStage(world.plate) });
  });
  afterEach(() => world.farm.clear());
  afterAll(async () => {
    await world.farm.stop();
    await rm(world.folder, { recursive: true, force: true });
  });
}
