import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { readConfig } from '../../apps/cli/src/config.js';
import { HOSTS } from './cases/hosts.js';
import { KILLED_WORKERS } from './cases/killed-workers.js';
import { NETWORK } from './cases/network.js';
import { RESULTS, REVOCATIONS } from './cases/results.js';
import { SERVERS } from './cases/servers.js';
import { FaultFarm } from './farm.js';
import { FRAMES, Jobs, SHARDS } from './job.js';
import { FaultTable } from './table.js';
import { Trial } from './trial.js';

const EVERY = [...SERVERS, ...KILLED_WORKERS, ...NETWORK, ...RESULTS, ...HOSTS, ...REVOCATIONS];
const chosen = inject('faults') === 'every' ? EVERY : EVERY.filter(({ everyday }) => everyday === true);

const table = new FaultTable();
let farm: FaultFarm;
let jobs: Jobs;
let reference: string[];

beforeAll(async () => {
  farm = await FaultFarm.start(readConfig().homeDir);
  jobs = await Jobs.draw(farm);
});

afterAll(async () => {
  process.stdout.write(`\n${table.text()}\n\n`);
  await farm?.stop();
});

describe('a farm of real processes', () => {
  afterEach(async () => {
    farm.relay.rule = undefined;
    farm.relay.heal();
    if (farm.hasSmallDisks) for (const disk of ['store', 'scratch'] as const) await farm.freeDisk(disk);
    if (!farm.living.includes('a')) await farm.startCoordinator('a');
  });

  it('undisturbed, gives the reference', async () => {
    const shotId = await jobs.submit();
    reference = await jobs.deliver(shotId);
    expect(reference).toHaveLength(FRAMES);
    expect(new Set(reference).size).toBeGreaterThan(FRAMES / 2);
    table.add({ fault: 'none', phase: '', recoveryS: 0, framesLost: 0, attempts: SHARDS });
  });

  for (const one of chosen) {
    it(`${one.fault}: ${one.phase}`, async (context) => {
      if (one.disks === true && !farm.hasSmallDisks) context.skip('only root can make a small disk');
      await one.run(new Trial({ farm, jobs, table, reference }, one));
    });
  }

  it('leaves nothing in the worker’s scratch folder', async () => {
    expect(await farm.endWorker()).toEqual([]);
  });
});
