import { setTimeout as delay } from 'node:timers/promises';
import type { CoordinatorName } from '../farm.js';
import type { Held } from '../ledger.js';
import { type FaultCase, GATES, half, type Hit, hitNow, taskAccepted, type Trial } from '../trial.js';

/** How a server goes and, where nobody stands in for it, comes back. */
interface Outage {
  readonly fault: string;
  /** Coordinators that run before. */
  readonly coordinators: readonly CoordinatorName[];
  readonly everyday: readonly string[];
  /** @param holder the coordinator whose work is to be hit */
  strike(trial: Trial, holder: CoordinatorName): Promise<void>;
  repair(trial: Trial): Promise<void>;
}

const ALONE: Outage = {
  fault: 'kill -9 of the coordinator',
  coordinators: ['a'],
  everyday: [],
  strike: ({ farm }, holder) => farm.killCoordinator(holder),
  repair: ({ farm }) => farm.startCoordinator('a'),
};

const ONE_OF_TWO: Outage = {
  fault: 'kill -9 of one of two coordinators',
  coordinators: ['a', 'b'],
  everyday: ['end of assembling'],
  strike: ({ farm }, holder) => farm.killCoordinator(holder),
  // The other one goes on alone.
  repair: async () => undefined,
};

const POSTGRES: Outage = {
  fault: 'Postgres stopped at once',
  coordinators: ['a'],
  everyday: ['rendering'],
  strike: ({ farm }) => farm.stopPostgres(),
  repair: async ({ farm }) => {
    await delay(1_000);
    await farm.startPostgres();
  },
};

async function hit(trial: Trial, { strike, repair }: Outage, { taskId }: Held): Promise<Hit> {
  await strike(trial, trial.farm.living[0] ?? 'a');
  const hurt = hitNow(taskAccepted(taskId));
  await repair(trial);
  return hurt;
}

/** While a lane's call is held at the relay: it is answered by nobody, and the lane asks again. */
const whileCalling = async (trial: Trial, outage: Outage, deed: 'upload' | 'complete'): Promise<Hit> =>
  await trial.during(deed, async (call, held, forward) => {
    if (deed === 'upload') await forward(half(call));
    return { hit: await hit(trial, outage, held), answer: null };
  });

function casesOf(outage: Outage): FaultCase[] {
  const one = (phase: string, run: FaultCase['run']): FaultCase => ({
    ...{ fault: outage.fault, phase },
    ...(outage.everyday.includes(phase) ? { everyday: true as const } : {}),
    run: async (trial) => {
      await trial.farm.keepCoordinators(...outage.coordinators);
      await run(trial);
    },
  });
  return [
    one('leased', (t) => t.through(async (shot) => await hit(t, outage, await t.farm.ledger.running(shot, 0)))),
    one('rendering', (t) => t.through(async (shot) => await hit(t, outage, await t.farm.ledger.running(shot, 1)))),
    one('half uploaded', (t) => t.through(() => whileCalling(t, outage, 'upload'))),
    one('complete on its way', (t) => t.through(() => whileCalling(t, outage, 'complete'))),
    ...GATES.map(({ phase, place }) =>
      one(phase, (t) =>
        t.atTheGate(place, async (gate, holder) => {
          await outage.strike(t, holder === 'b' ? 'b' : 'a');
          // A stopped server has let go of the gate.
          if (outage !== POSTGRES) await gate.open();
          await outage.repair(t);
          if (outage === POSTGRES) await gate.open();
        }),
      ),
    ),
  ];
}

export const SERVERS: readonly FaultCase[] = [ONE_OF_TWO, ALONE, POSTGRES].flatMap(casesOf);
