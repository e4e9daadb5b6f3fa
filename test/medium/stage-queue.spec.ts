import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { UnderstudyError } from '@understudy/contracts';
import { openQueueConnection, type StageJob, StageTryAgain, StageQueue } from '@understudy/queue';
import { OutboxRelay } from '../../apps/coordinator/src/stages/outbox-relay.js';
import { Outbox } from '../../apps/coordinator/src/stages/outbox.js';
import { Reconciler } from '../../apps/coordinator/src/stages/reconciler.js';
import { StageRunner } from '../../apps/coordinator/src/stages/stage-runner.js';
import { StageTransitions } from '../../apps/coordinator/src/stages/stage-transitions.js';
import { STAGE_QUEUE } from '../../apps/coordinator/src/stages/stage-tokens.js';
import type { FakeLane } from './fake-lane.js';
import { lacksRedis, TestRedis } from './redis.js';
import { makePlate } from './drawn-plate.js';
import { type Stage, StagesFarm } from './stages-farm.js';

const LACK = lacksRedis();

let folder: string;
let plate: string;
let farm: StagesFarm;
let beside: StagesFarm;
let lane: FakeLane;
let stage: Stage;

beforeAll(async () => {
  if (LACK !== null) process.stdout.write(`stages on Redis: skipped, for ${LACK}\n`);
  folder = await mkdtemp(join(tmpdir(), 'plates-'));
  plate = join(folder, 'plate.mp4');
  await makePlate(plate);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const relay = (at = farm) => at.get(OutboxRelay).relay();
const queueOf = (at = farm) => at.get<StageQueue>(STAGE_QUEUE);
const intents = (key: string) =>
  farm.owner.query<{ id: string; stage: string; relayed: boolean }>(
    'SELECT id, stage, relayed_at IS NOT NULL AS relayed FROM outbox WHERE key = $1 ORDER BY created_at, id',
    [key],
  );
const until = (done: () => unknown) => vi.waitUntil(done, { timeout: 20_000, interval: 50 });
/** Where the queue is kept in these tests, and how its contents are lost and counted from outside. */
interface Backend {
  readonly name: string;
  /** Where it is not Postgres. */
  url(): string | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  lose(): Promise<unknown>;
  waiting(): Promise<number>;
}

const POSTGRES: Backend = {
  name: 'Postgres',
  url: () => undefined,
  start: async () => undefined,
  stop: async () => undefined,
  lose: () => farm.owner.query('TRUNCATE bullmq.job CASCADE'),
  waiting: async () => (await farm.one<{ jobs: number }>('SELECT count(*)::int AS jobs FROM bullmq.job')).jobs,
};

let redis: TestRedis | undefined;
const REDIS: Backend = {
  name: 'Redis',
  url: () => redis?.url,
  start: async () => void (redis = await TestRedis.start()),
  stop: async () => await redis?.stop(),
  lose: async () => await redis?.ask('FLUSHALL'),
  waiting: async () => Number((await redis?.ask('LLEN bull:stages:wait'))?.slice(1)),
};

/** The same for each of the backends. */
function stagesOn(backend: Backend): void {
  beforeAll(() => backend.start());
  afterAll(() => backend.stop());
  // A database of one's own: the queue of one test must not work on the jobs of another.
  beforeEach(async () => {
    const queueUrl = backend.url();
    if (queueUrl !== undefined) await backend.lose();
    farm = await StagesFarm.start({ serve: false, ...(queueUrl === undefined ? {} : { queueUrl }) });
    beside = await StagesFarm.start({ serve: false, beside: farm });
    lane = await farm.addLane();
    stage = await farm.addStage(plate);
  });
  afterEach(async () => {
    await beside.stop();
    await farm.stop();
  });

  describe('the outbox', () => {
    it('keeps one unrelayed intent a stage and key', async () => {
      const shotVersionId = randomUUID();
      const outbox = farm.get(Outbox);
      for (const stageName of ['plan', 'plan', 'link'] as const) {
        await outbox.enqueue(farm.database, stageName, shotVersionId, { shotVersionId });
      }
      expect((await intents(shotVersionId)).map(({ stage: name }) => name).toSorted()).toEqual(['link', 'plan']);
    });

    it('commits with the state change and its audit event, or not at all', async () => {
      const { shotVersionId } = await farm.bringTo('linking', stage, lane);
      const before = await farm.snapshot(shotVersionId);
      const work = farm.database.hotTransaction(async (sql) => {
        const change = { shotVersionId, from: ['linking'], to: 'planning', actor: 'test' } as const;
        expect(await farm.get(StageTransitions).move(sql, change)).not.toBeNull();
        throw new Error('the transaction breaks off');
      });
      await expect(work).rejects.toThrow('breaks off');
      expect(await farm.snapshot(shotVersionId)).toEqual(before);
    });

    it('changes nothing when the version is in another state', async () => {
      const { shotVersionId } = await farm.bringTo('linking', stage, lane);
      const before = await farm.snapshot(shotVersionId);
      const change = { shotVersionId, from: ['planning'], to: 'rendering', actor: 'test' } as const;
      expect(await farm.database.hotTransaction((sql) => farm.get(StageTransitions).move(sql, change))).toBeNull();
      expect(await farm.snapshot(shotVersionId)).toEqual(before);
    });
  });

  describe('the relay', () => {
    it('adds one job for an intent that two replicas relay at once, under the row’s id', async () => {
      const ids = Array.from({ length: 20 }, () => randomUUID());
      for (const shotVersionId of ids) {
        await farm.get(Outbox).enqueue(farm.database, 'link', shotVersionId, { shotVersionId });
      }
      await Promise.all([relay(farm), relay(beside), relay(farm)]);
      const seen: StageJob[] = [];
      const work = { run: async (job: StageJob) => void seen.push(job), onError: () => undefined };
      queueOf(farm).work(work, { stages: 4, outside: 4 });
      queueOf(beside).work(work, { stages: 4, outside: 4 });
      await until(() => seen.length >= ids.length);
      await relay(beside);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(seen.map(({ data }) => (data as { shotVersionId: string }).shotVersionId).toSorted()).toEqual(
        ids.toSorted(),
      );
      const rows = await Promise.all(ids.map(async (id) => (await intents(id))[0]?.id ?? ''));
      expect(seen.map(({ id }) => id).toSorted()).toEqual(rows.toSorted());
    });

    it('relays again, under the same id, what it had not marked when it was killed', async () => {
      const shotVersionId = randomUUID();
      await farm.get(Outbox).enqueue(farm.database, 'link', shotVersionId, { shotVersionId });
      await relay();
      await farm.owner.query('UPDATE outbox SET relayed_at = NULL WHERE key = $1', [shotVersionId]);
      await relay(beside);
      expect(await backend.waiting()).toBe(1);
    });
  });

  describe('the runner', () => {
    const failing = (error: UnderstudyError, times: number) => {
      const run = vi.spyOn(farm.handlers.link, 'run');
      for (let time = 0; time < times; time += 1) run.mockRejectedValueOnce(error);
      return { run, abandon: vi.spyOn(farm.handlers.link, 'abandon') };
    };

    it('tries again what may pass, and gets the shot through', async () => {
      const { shotVersionId } = await farm.bringTo('linking', stage, lane);
      const { run, abandon } = failing(new UnderstudyError('DATABASE_UNAVAILABLE', 'gone for a moment'), 2);
      await relay();
      queueOf().work(farm.get(StageRunner), { stages: 1, outside: 1 });
      // Meanwhile it says what it waits for.
      await until(async () => (await farm.errorOf(shotVersionId)).code === 'DATABASE_UNAVAILABLE');
      expect(await farm.stateOf(shotVersionId)).toBe('linking');
      await until(async () => (await farm.stateOf(shotVersionId)) === 'planning');
      expect(run).toHaveBeenCalledTimes(3);
      expect(abandon).not.toHaveBeenCalled();
      expect(await farm.errorOf(shotVersionId)).toMatchObject({ code: null, message: null });
    });

    it('keeps with the job what its tries ended with', async () => {
      const seen: StageJob['tries'][] = [];
      const run = async ({ tries }: StageJob): Promise<void> => {
        seen.push(tries);
        const next = { outages: tries.outages + 1, failures: tries.failures + 2 };
        if (seen.length < 4) throw new StageTryAgain(10, next, new Error('not yet'));
      };
      const shotVersionId = randomUUID();
      await farm.get(Outbox).enqueue(farm.database, 'link', shotVersionId, { shotVersionId });
      await relay();
      queueOf().work({ run, onError: () => undefined }, { stages: 1, outside: 1 });
      await until(() => seen.length === 4);
      expect(seen).toEqual([0, 1, 2, 3].map((n) => ({ outages: n, failures: 2 * n })));
    });

    it('does not try again what is the input’s fault', async () => {
      const { shotVersionId } = await farm.bringTo('linking', stage, lane);
      const { run, abandon } = failing(new UnderstudyError('UPLOAD_MISMATCH', 'a table is broken'), 9);
      await relay();
      queueOf().work(farm.get(StageRunner), { stages: 1, outside: 1 });
      await until(async () => (await farm.stateOf(shotVersionId)) === 'failed');
      expect(run).toHaveBeenCalledTimes(1);
      expect(abandon).toHaveBeenCalledTimes(1);
      expect(await farm.errorOf(shotVersionId)).toMatchObject({
        code: 'UPLOAD_MISMATCH',
        message: 'a table is broken',
      });
    });
  });

  it('goes on while twenty receivers of webhooks hang', async () => {
    let letGo = (): void => undefined;
    const hanging = new Promise<void>((resolve) => (letGo = resolve));
    const notified = vi.spyOn(farm.handlers.notify, 'run').mockImplementation(() => hanging);
    const ids = Array.from({ length: 20 }, () => randomUUID());
    for (const id of ids) await farm.get(Outbox).enqueue(farm.database, 'notify', id, { webhookDeliveryId: id });
    await relay();
    queueOf().work(farm.get(StageRunner), { stages: 1, outside: 4 });
    try {
      await until(() => notified.mock.calls.length === 4);
      const { shotVersionId } = await farm.bringTo('linking', stage, lane);
      await relay();
      await until(async () => (await farm.stateOf(shotVersionId)) === 'planning');
      expect(notified).toHaveBeenCalledTimes(4);
    } finally {
      letGo();
    }
    await until(() => notified.mock.calls.length === ids.length);
  });

  describe('the reconciler', () => {
    const reconcile = (at = farm) => at.get(Reconciler).reconcile(0);

    it('leaves alone what is under way', async () => {
      const { shotVersionId } = await farm.bringTo('linking', stage, lane);
      await reconcile();
      await relay();
      await reconcile();
      expect((await intents(shotVersionId)).filter(({ stage: name }) => name === 'link')).toHaveLength(1);
    });

    it('enqueues again, once, what the queue lost, and the shot goes on by itself', async () => {
      const { shotVersionId } = await farm.bringTo('linking', stage, lane);
      await relay();
      await backend.lose();
      const made = await Promise.all([reconcile(farm), reconcile(beside)]);
      expect((await intents(shotVersionId)).filter(({ stage: name }) => name === 'link')).toHaveLength(2);
      expect(made.reduce((sum: number, count) => sum + (count ?? 0), 0)).toBe(1);
      await reconcile(beside);
      expect((await intents(shotVersionId)).filter(({ stage: name }) => name === 'link')).toHaveLength(2);
      await relay();
      queueOf().work(farm.get(StageRunner), { stages: 1, outside: 1 });
      await until(async () => (await farm.stateOf(shotVersionId)) === 'planning');
    });

    it('does not touch what has only just changed, unless it is at its start', async () => {
      const { shotVersionId } = await farm.bringTo('linking', stage, lane);
      await relay();
      await backend.lose();
      expect(await farm.get(Reconciler).reconcile(60)).toBe(0);
      expect((await intents(shotVersionId)).filter(({ stage: name }) => name === 'link')).toHaveLength(1);
    });

    it('moves on a shot whose ranges are all accepted', async () => {
      const { shotVersionId } = await farm.bringTo('analysing', stage, lane);
      await farm.owner.query(`UPDATE tasks SET state = 'accepted' WHERE shot_version_id = $1`, [shotVersionId]);
      await reconcile();
      expect(await farm.stateOf(shotVersionId)).toBe('linking');
    });

    it('waits while a range is still open', async () => {
      const { shotVersionId } = await farm.bringTo('analysing', stage, lane);
      await lane.workOff(1);
      await reconcile();
      expect(await farm.stateOf(shotVersionId)).toBe('analysing');
    });

    it('takes back what lanes could still lease of a shot that has ended', async () => {
      const { shotVersionId } = await farm.bringTo('rendering', stage, lane);
      await farm.owner.query(`UPDATE shot_versions SET state = 'failed' WHERE id = $1`, [shotVersionId]);
      await reconcile();
      const open = `SELECT 1 FROM tasks WHERE shot_version_id = $1 AND kind = 'render' AND state <> 'cancelled'`;
      expect(await farm.owner.query(open, [shotVersionId])).toEqual([]);
    });

    it('ends a shot one of whose ranges failed for good, once no other is left to do', async () => {
      const { shotVersionId } = await farm.bringTo('analysing', stage, lane);
      await farm.owner.query(
        `UPDATE tasks SET state = 'failed', error_code = 'MODEL_UNAVAILABLE', error_message = 'no model'
        WHERE shot_version_id = $1 AND start_frame = 0`,
        [shotVersionId],
      );
      await reconcile();
      expect(await farm.stateOf(shotVersionId)).toBe('analysing');
      await farm.owner.query(`UPDATE tasks SET state = 'accepted' WHERE shot_version_id = $1 AND start_frame > 0`, [
        shotVersionId,
      ]);
      await reconcile();
      expect(await farm.stateOf(shotVersionId)).toBe('failed');
      expect(await farm.errorOf(shotVersionId)).toMatchObject({ code: 'MODEL_UNAVAILABLE', message: 'no model' });
      expect(await lane.workOff()).toEqual([]);
    });
  });
}

describe('stages on Postgres', () => stagesOn(POSTGRES));
describe.skipIf(LACK !== null)('stages on Redis', () => stagesOn(REDIS));

it('takes the address of Postgres or Redis, and no other', () => {
  expect(openQueueConnection('redis://127.0.0.1:6379').connection).toEqual({ url: 'redis://127.0.0.1:6379' });
  expect(() => openQueueConnection('amqp://127.0.0.1')).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  expect(openQueueConnection('postgres://u@127.0.0.1/farm').connection).toMatchObject({
    connectionString: 'postgres://u@127.0.0.1/farm',
  });
});
