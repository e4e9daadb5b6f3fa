import type { Held } from '../ledger.js';
import { send } from '../relay.js';
import { type FaultCase, half, type Hit, hitNow, taskAccepted, type Trial } from '../trial.js';

async function killLane({ farm }: Trial, held: Held): Promise<Hit> {
  process.kill(await farm.lanePid(held.ordinal), 'SIGKILL');
  return hitNow(taskAccepted(held.taskId));
}

async function killWorker({ farm }: Trial, held: Held): Promise<Hit> {
  await farm.killWorker();
  return hitNow(taskAccepted(held.taskId));
}

const lane = (phase: string, run: FaultCase['run'], everyday?: true): FaultCase => ({
  ...{ fault: 'kill -9 of a lane', phase, run },
  ...(everyday === undefined ? {} : { everyday }),
});
const supervisor = (phase: string, run: FaultCase['run'], everyday?: true): FaultCase => ({
  ...lane(phase, run, everyday),
  fault: 'kill -9 of a supervisor',
});

export const KILLED_WORKERS: readonly FaultCase[] = [
  lane('leased', (t) => t.through(async (shot) => await killLane(t, await t.farm.ledger.running(shot, 0)))),
  lane('rendering', (t) => t.through(async (shot) => await killLane(t, await t.farm.ledger.running(shot, 1))), true),
  lane('half uploaded', (t) =>
    t.through(() =>
      t.during('upload', async (call, held, forward) => {
        await forward(half(call));
        return { hit: await killLane(t, held), answer: null };
      }),
    ),
  ),
  lane('complete on its way', (t) =>
    t.through(() =>
      t.during('complete', async (call, held) => {
        const hit = await killLane(t, held);
        // It arrives all the same, as what has left a host does; or after the supervisor has answered for the lane.
        await send(call, t.farm.port);
        return { hit, answer: null };
      }),
    ),
  ),
  supervisor('leased', (t) =>
    t.through(async (shot) => {
      const hit = await killWorker(t, await t.farm.ledger.running(shot, 0));
      await t.farm.startWorker();
      return hit;
    }),
  ),
  supervisor(
    'rendering',
    (t) =>
      t.through(async (shot) => {
        const hit = await killWorker(t, await t.farm.ledger.running(shot, 1));
        await t.farm.startWorker();
        return hit;
      }),
    true,
  ),
  supervisor('half uploaded', (t) =>
    t.through(async () => {
      const hit = await t.during('upload', async (call, held, forward) => {
        await forward(half(call));
        return { hit: await killWorker(t, held), answer: null };
      });
      await t.farm.startWorker();
      return hit;
    }),
  ),
  supervisor('complete on its way', (t) =>
    t.through(async () => {
      const hit = await t.during('complete', async (call, held) => {
        const killed = await killWorker(t, held);
        await send(call, t.farm.port);
        return { hit: killed, answer: null };
      });
      await t.farm.startWorker();
      return hit;
    }),
  ),
];
