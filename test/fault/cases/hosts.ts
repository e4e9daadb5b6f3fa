import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { FRAMES, SHARDS } from '../job.js';
import type { Gate } from '../ledger.js';
import { type FaultCase, type Hit, hitNow, hasLeft, taskAccepted, type Trial } from '../trial.js';

const sign = (hours: number): string => `${hours > 0 ? '+' : '−'}${Math.abs(hours)} h`;

/** The whole shot under a wrong clock; all is well again when it is rendered. */
const throughAll = (t: Trial, prepare?: () => Promise<void>): Promise<void> =>
  t.through(async (shot) => hitNow([`SELECT 1 FROM shot_versions WHERE shot_id = $1 AND state = 'ready'`, [shot]]), {
    ...(prepare === undefined ? {} : { prepare }),
    fresh: true,
    withinMs: 180_000,
  });

const workerClock = (hours: number): FaultCase => ({
  ...{ fault: `a worker’s clock ${sign(hours)}`, phase: 'all along' },
  run: async (t) => {
    await t.farm.restartWorker({ clockAheadH: hours });
    try {
      await throughAll(t);
    } finally {
      await t.farm.restartWorker();
    }
  },
});

/** Whatever one of them signed, locked or delayed, the other one judges by the database's clock. */
const oneOfTwoClocks = (hours: number): FaultCase => ({
  ...{ fault: `one of two coordinators’ clocks ${sign(hours)}`, phase: 'all along' },
  run: async (t) => {
    await t.farm.stopCoordinator('b');
    await t.farm.startCoordinator('b', { clockAheadH: hours });
    await t.farm.keepCoordinators('a', 'b');
    try {
      // Its scratch folder is empty: every object is fetched by an address that one or the other has signed.
      await t.farm.restartWorker();
      await throughAll(t);
    } finally {
      await t.farm.stopCoordinator('b');
    }
  },
});

/** Killed in the middle of a stage: its job is another one's as soon as the lock is over, by the database's clock. */
const killedWithClock = (hours: number, everyday?: true): FaultCase => ({
  ...{ fault: `one of two coordinators’ clocks ${sign(hours)}`, phase: 'kill -9, end of assembling' },
  ...(everyday === undefined ? {} : { everyday }),
  run: async (t) => {
    await t.farm.keepCoordinators('a');
    await t.farm.stopCoordinator('a');
    await t.farm.startCoordinator('b', { clockAheadH: hours });
    await t.atTheGate({ leaving: 'assembling' }, async (gate) => {
      await t.farm.startCoordinator('a');
      await t.farm.killCoordinator('b');
      await gate.open();
    });
  },
});

/** Longer than three failures would be waited for. */
const FULL_MS = 20_000;

/** A host without room costs its shards nothing, for as long as it lasts; when there is some, all goes on. */
const scratchFull: FaultCase = {
  ...{ fault: 'disk full', phase: 'a worker’s scratch', everyday: true, disks: true },
  run: (t) =>
    t.through(
      async (shot) => {
        const { id } = await t.farm.ledger.until<{ id: string }>(
          `SELECT t.id FROM tasks t JOIN attempts a ON a.task_id = t.id JOIN shot_versions v ON v.id = t.shot_version_id
           WHERE v.shot_id = $1 AND a.state = 'failed' AND a.error_code = 'DISK_FULL' LIMIT 1`,
          [shot],
        );
        const asideFor = `SELECT 1 FROM lanes WHERE set_aside_reason = 'DISK_FULL' AND set_aside_until > clock_timestamp()`;
        expect(await t.farm.ledger.count(asideFor)).toBeGreaterThan(0);
        await delay(FULL_MS);
        const blamed = `SELECT t.id FROM tasks t JOIN shot_versions v ON v.id = t.shot_version_id
          WHERE v.shot_id = $1 AND (t.failures > 0 OR t.state = 'failed')`;
        expect(await t.farm.ledger.count(blamed, [shot])).toBe(0);
        const hit = hitNow(taskAccepted(id));
        await t.farm.freeDisk('scratch');
        return hit;
      },
      { prepare: () => t.farm.fillDisk('scratch') },
    ),
};

/** The result waits with the lane while its lease goes on. */
const storeFull: FaultCase = {
  ...{ fault: 'disk full', phase: 'the store, uploading', disks: true },
  run: (t) =>
    t.through(() =>
      t.during('upload', async (call, held, forward) => {
        await t.farm.fillDisk('store');
        const hit: Hit = hitNow(taskAccepted(held.taskId));
        const refused = await forward(call);
        expect(refused.status).toBe(507);
        setTimeout(() => void t.farm.freeDisk('store'), 1_000);
        return { hit, answer: refused };
      }),
    ),
};

/** Assembling begins with a full store; it is tried again, and comes through when there is room. */
const storeFullAtJoin: FaultCase = {
  ...{ fault: 'disk full', phase: 'the store, assembling', disks: true },
  run: async (t) => {
    let gate: Gate | undefined;
    await t.through(
      async (shot) => {
        await gate!.reached();
        await t.farm.fillDisk('store');
        await gate!.open();
        await t.farm.ledger.until(
          `SELECT 1 FROM bullmq.job WHERE name = 'assemble' AND attempts_made > 0
             AND data->>'shotVersionId' IN (SELECT id::text FROM shot_versions WHERE shot_id = $1)`,
          [shot],
        );
        // Three tries of a stage take six seconds.
        await delay(10_000);
        expect(await t.farm.ledger.state(shot)).toBe('assembling');
        const { error } = await t.farm.client.call('getShot', { params: { shotId: shot } });
        expect(error?.code).toBe('DISK_FULL');
        await t.farm.freeDisk('store');
        return hitNow(hasLeft(shot, 'assembling'));
      },
      { prepare: async () => void (gate = await t.farm.ledger.gate({ leaving: 'rendering' })) },
    );
  },
};

const POISONED = 8;

/** A frame that ends every lane that renders it: the farm must not lose one lane after the other to it. */
const poisonFrame: FaultCase = {
  ...{ fault: 'a frame that crashes lanes', phase: 'rendering', everyday: true },
  run: async (t) => {
    const { farm, jobs } = t;
    await farm.restartWorker({ poisonFrame: POISONED });
    try {
      const shotId = await jobs.submit();
      const { atMs } = hitNow(['', []]);
      await t.untilSettled(shotId, 180_000);
      const recoveryS = (performance.now() - atMs) / 1000;
      const { state, error } = await farm.client.call('getShot', { params: { shotId } });
      const length = FRAMES / SHARDS;
      const start = Math.floor(POISONED / length) * length;
      expect({ state, error }).toMatchObject({
        state: 'failed',
        error: {
          code: 'WORKER_LOST',
          message: expect.stringContaining(`[${start}, ${start + length})`),
        },
      });
      const crashed = await farm.ledger.rows<{ message: string }>(
        `SELECT a.error_message AS message FROM attempts a JOIN tasks t ON t.id = a.task_id
         JOIN shot_versions v ON v.id = t.shot_version_id
         WHERE v.shot_id = $1 AND a.state = 'failed' AND t.start_frame = $2`,
        [shotId, start],
      );
      expect(crashed).toHaveLength(3);
      for (const { message } of crashed) expect(message).toContain('SIGSEGV');
      await t.record(shotId, recoveryS);
    } finally {
      await farm.restartWorker();
    }
    // The lanes are well: another shot goes through, all of its frames.
    const next = await jobs.submit();
    expect(await jobs.deliver(next)).toEqual(t.world.reference);
    await t.allIsWell();
  },
};

export const HOSTS: readonly FaultCase[] = [
  killedWithClock(1, true),
  killedWithClock(-1),
  oneOfTwoClocks(1),
  oneOfTwoClocks(-1),
  workerClock(1),
  workerClock(-1),
  scratchFull,
  storeFull,
  storeFullAtJoin,
  poisonFrame,
];
