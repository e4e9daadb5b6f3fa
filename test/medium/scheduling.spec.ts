import type { RouteOutput } from '@understudy/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AttemptEnds } from '../../apps/coordinator/src/shards/attempt-ends.js';
import { LeaseSweep } from '../../apps/coordinator/src/shards/lease-sweep.js';
import { TaskWriter } from '../../apps/coordinator/src/shards/task-writer.js';
import { StageTransitions } from '../../apps/coordinator/src/stages/stage-transitions.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { capabilities } from './shards-farm.js';
import { addShot, type ShotFixture, type TaskOptions, tasksOf } from './shot-fixture.js';

let farm: TestCoordinator;
let operator: TestPerson;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  operator = await farm.addUser(['farm_operator']);
});
afterAll(() => farm.stop());
beforeEach(async () => {
  await farm.owner.query(`UPDATE tasks SET state = 'cancelled' WHERE state NOT IN ('accepted', 'failed', 'cancelled')`);
  await farm.owner.query(
    `UPDATE attempts SET state = 'stopped', ended_at = now() WHERE state IN ('running', 'reported')`,
  );
  await farm.owner.query(`UPDATE lanes SET state = 'lost'`);
});

const REASON = { reason: 'as the test wants it' };

interface TestLane {
  readonly id: string;
  readonly worker: TestPerson;
}

async function addLane(options: Parameters<typeof capabilities>[0] & { vramMiB?: number } = {}): Promise<TestLane> {
  const worker = await farm.addWorker();
  const body = { ordinal: 0, host: 'host', capabilities: { ...capabilities(options), vramMiB: options.vramMiB ?? 0 } };
  const { body: made } = await farm.call('registerLane', worker.token, { body });
  return { id: made.laneId, worker };
}

async function addWork(tasks: TaskOptions, shot?: ShotFixture): Promise<ShotFixture> {
  const of = shot ?? (await addShot(farm.owner));
  await farm.runtime.hotTransaction(async (sql) => {
    await farm.app.get(TaskWriter, { strict: false }).create(sql, tasksOf(of, tasks));
  });
  return of;
}

async function lease(lane: TestLane, waitSeconds = 0) {
  const { body } = await farm.call('leaseTask', lane.worker.token, {
    params: { laneId: lane.id },
    body: { waitSeconds },
  });
  return body.lease;
}

async function outlook({ shotId }: ShotFixture): Promise<RouteOutput<'getShotOutlook'>> {
  return (await farm.call('getShotOutlook', operator.token, { params: { shotId } })).body;
}
const whyOf = async (shot: ShotFixture) => (await outlook(shot)).waiting?.code ?? null;

async function fail(lane: TestLane, of: { attemptId: string; epoch: number }): Promise<void> {
  const failure = { code: 'INTERNAL', message: 'broken', retryable: true } as const;
  await farm.app.get(AttemptEnds, { strict: false }).fail(lane.worker.id, of.attemptId, of.epoch, failure);
  await farm.owner.query(`UPDATE tasks SET not_before = now() WHERE state = 'pending'`);
}

describe('why a shot waits', () => {
  it('is said by the rules of the claim, from no lane at all to the next one', async () => {
    const shot = await addWork({ count: 3 });
    expect(await whyOf(shot)).toBe('NO_LANES');
    const lane = await addLane();
    expect(await outlook(shot)).toMatchObject({
      waiting: { code: 'NEXT', details: { shards: 3 } },
      shards: { waiting: 3, running: 0 },
      etaSeconds: null,
    });
    const urgent = await addWork({ count: 1, priority: 95 });
    expect((await outlook(shot)).waiting).toEqual({
      code: 'BEHIND_OTHER_WORK',
      text: 'other work goes first: it is urgent',
      details: { because: 'URGENT', shards: 3 },
    });
    expect(await lease(lane)).not.toBeNull();
    expect(await whyOf(urgent)).toBeNull();
    expect(await whyOf(shot)).toBe('LANES_BUSY');
    await farm.owner.query(`UPDATE tasks SET not_before = now() + interval '1 minute' WHERE state = 'pending'`);
    expect(await whyOf(shot)).toBe('RETRY_PAUSE');
  });

  it('names what lanes lack, and lanes that are drained', async () => {
    const shot = await addWork({ count: 1 });
    const lane = await addLane({ vramMiB: 4000 });
    const needs = async (value: object) =>
      await farm.owner.query('UPDATE shot_versions SET needs = $2::jsonb WHERE id = $1', [
        shot.shotVersionId,
        JSON.stringify(value),
      ]);
    for (const [asked, misfit] of [
      [{ leastVramMiB: 8000 }, 'VRAM'],
      [{ pool: 'night' }, 'POOL'],
      [{ providers: ['cuda'] }, 'PROVIDER'],
      [{ precision: 'fp16' }, 'PRECISION'],
      [{ models: ['another'] }, 'MODEL'],
      [{ leastComputeCapability: 86 }, 'COMPUTE_CAPABILITY'],
    ] as const) {
      await needs(asked);
      expect((await outlook(shot)).waiting).toMatchObject({ code: 'NO_LANE_FITS', details: { misfits: [misfit] } });
      expect(await lease(lane), misfit).toBeNull();
    }
    await needs({ pool: 'night', leastVramMiB: 4000, providers: ['cpu'], precision: 'fp32', models: ['default'] });
    await farm.call('setLanePools', operator.token, { params: { laneId: lane.id }, body: { pools: ['night'] } });
    await farm.call('drainLane', operator.token, { params: { laneId: lane.id }, body: REASON });
    expect(await whyOf(shot)).toBe('LANES_OFF');
    await farm.call('undrainLane', operator.token, { params: { laneId: lane.id }, body: REASON });
    expect(await lease(lane)).toMatchObject({ kind: 'render', shotVersionId: shot.shotVersionId });
  });

  it("is its project's cap, which the operator sets, with the weight", async () => {
    const shot = await addWork({ count: 2 });
    const [lane, other] = [await addLane(), await addLane()];
    await lease(lane);
    const params = { projectId: shot.projectId };
    const set = await farm.call('setProjectShare', operator.token, { params, body: { weight: 3, mostLanes: 1 } });
    expect(set.body).toEqual({ weight: 3, mostLanes: 1 });
    expect(await lease(other)).toBeNull();
    expect((await outlook(shot)).waiting).toMatchObject({
      code: 'PROJECT_AT_CAP',
      text: 'its project has 1 of at most 1 lanes',
    });
    await farm.call('setProjectShare', operator.token, { params, body: { weight: 3, mostLanes: null } });
    expect(await lease(other)).not.toBeNull();
    expect(await farm.audit('project.share_set')).toHaveLength(2);
    const producer = await farm.addMember(shot.projectId, 'producer');
    expect(
      (await farm.call('setProjectShare', producer.token, { params, body: { weight: 9, mostLanes: null } })).status,
    ).toBe(403);
  });
});

describe('a person orders the line', () => {
  it('pauses a shot and lets it go on', async () => {
    const shot = await addWork({ count: 2 });
    const producer = await farm.addMember(shot.projectId, 'producer');
    const lane = await addLane();
    const params = { shotId: shot.shotId };
    expect((await farm.call('pauseShot', producer.token, { params, body: REASON })).status).toBe(200);
    expect(await lease(lane)).toBeNull();
    expect(await whyOf(shot)).toBe('PAUSED');
    await farm.call('unpauseShot', producer.token, { params, body: REASON });
    expect(await lease(lane)).not.toBeNull();
    expect([await farm.audit('shot.paused'), await farm.audit('shot.unpaused')].map((lines) => lines.length)).toEqual([
      1, 1,
    ]);
    await farm.owner.query(`UPDATE shot_versions SET state = 'ready' WHERE id = $1`, [shot.shotVersionId]);
    expect((await farm.call('pauseShot', producer.token, { params, body: REASON })).status).toBe(409);
  });

  it('changes a priority, which the next claim goes by', async () => {
    const first = await addWork({ count: 1 });
    const second = await addWork({ count: 1 }, await addShot(farm.owner, { projectId: first.projectId }));
    const body = { priority: 80, ...REASON };
    await farm.call('setShotPriority', operator.token, { params: { shotId: second.shotId }, body });
    expect(await lease(await addLane())).toMatchObject({ shotVersionId: second.shotVersionId });
    expect((await farm.audit('shot.prioritised'))[0]?.data).toMatchObject({ from: 50, to: 80, yielded: [] });
  });

  it('makes just the lanes yield that an urgent shot can use, at once; what they hand back counts against nobody', async () => {
    const ordinary = await addWork({ count: 3 });
    const lanes = [await addLane(), await addLane(), await addLane()];
    const leases = [];
    for (const lane of lanes) leases.push(await lease(lane));
    const urgent = await addWork({ count: 2 });
    const body = { priority: 95, yieldNow: true, ...REASON };
    await farm.call('setShotPriority', operator.token, { params: { shotId: urgent.shotId }, body });
    const told = await Promise.all(
      lanes.map(
        async ({ id, worker }) =>
          (await farm.call('pollOrders', worker.token, { params: { laneId: id }, query: { waitSeconds: '0' } })).body
            .orders,
      ),
    );
    expect(told.flat().map(({ order }) => order)).toEqual(['stop', 'stop']);
    const [yielded] = told.flat();
    const n = leases.findIndex((one) => one?.attemptId === yielded?.attemptId);
    const release = { epoch: yielded!.epoch, reason: 'stopped' };
    await farm.call('releaseAttempt', lanes[n]!.worker.token, {
      params: { attemptId: yielded!.attemptId },
      body: release,
    });
    expect(await lease(lanes[n]!)).toMatchObject({ shotVersionId: urgent.shotVersionId });
    const [task] = await farm.owner.query('SELECT state::text AS state, failures FROM tasks WHERE id = $1', [
      leases[n]!.taskId,
    ]);
    expect(task).toEqual({ state: 'pending', failures: 0 });
    const { lost } = (await outlook(ordinary)).laneSeconds;
    expect(lost).toBeGreaterThan(0);
    const producer = await farm.addMember(ordinary.projectId, 'producer');
    const params = { projectId: ordinary.projectId };
    const { body: cost } = await farm.call('getProjectCost', producer.token, { params });
    expect(cost).toMatchObject({ shots: 1, laneSeconds: { accepted: 0, lost } });
  });

  it('retries a failed shot: what was accepted stays, the rest is to be done again', async () => {
    const shot = await addWork({ count: 3 });
    const params = { shotId: shot.shotId };
    expect((await farm.call('retryShot', operator.token, { params, body: REASON })).status).toBe(409);
    await farm.owner.query(
      `UPDATE tasks SET failures = 3, state = CASE start_frame WHEN 0 THEN 'accepted' WHEN 10 THEN 'failed' ELSE 'cancelled' END::task_state
        WHERE shot_version_id = $1`,
      [shot.shotVersionId],
    );
    await farm.owner.query(`UPDATE shot_versions SET state = 'failed', error_code = 'SHARD_FAILED' WHERE id = $1`, [
      shot.shotVersionId,
    ]);
    const { body } = await farm.call('retryShot', operator.token, { params, body: REASON });
    expect(body).toMatchObject({ state: 'rendering', error: null });
    const tasks = await farm.owner.query(
      'SELECT state::text AS state, failures FROM tasks WHERE shot_version_id = $1 ORDER BY start_frame',
      [shot.shotVersionId],
    );
    expect(tasks).toEqual([
      { state: 'accepted', failures: 3 },
      { state: 'pending', failures: 0 },
      { state: 'pending', failures: 0 },
    ]);
    expect(await lease(await addLane())).toMatchObject({ startFrame: 10 });
  });

  it('lets a shot wait for others, and go on when the last of them is ready', async () => {
    const [first, second] = [
      await addShot(farm.owner, { state: 'verifying' }),
      await addShot(farm.owner, { state: 'verifying' }),
    ];
    const shot = await addWork({ count: 1 });
    await farm.owner.query('UPDATE shot_versions SET waits_for = $2 WHERE id = $1', [
      shot.shotVersionId,
      [first.shotId, second.shotId],
    ]);
    const lane = await addLane();
    const ready = async ({ shotVersionId }: ShotFixture) =>
      await farm.runtime.hotTransaction(async (sql) => {
        const move = { shotVersionId, from: ['verifying'], to: 'ready', actor: 'system' } as const;
        await farm.app.get(StageTransitions, { strict: false }).move(sql, move);
      });
    await ready(first);
    expect(await lease(lane)).toBeNull();
    expect((await outlook(shot)).waiting).toMatchObject({
      code: 'AFTER_OTHER_SHOTS',
      details: { shots: [second.shotId] },
    });
    const held = lease(lane, 20);
    await ready(second);
    expect(await held).toMatchObject({ shotVersionId: shot.shotVersionId });
  });
});

describe('lanes', () => {
  it('that are drained get nothing, also in a request held open; with --now they hand back what they have', async () => {
    const shot = await addWork({ count: 1 });
    const lane = await addLane();
    const leased = await lease(lane);
    const held = lease(await addLane(), 20);
    const params = { laneId: lane.id };
    await farm.call('drainLane', operator.token, { params, body: { now: true, ...REASON } });
    const { body } = await farm.call('pollOrders', lane.worker.token, { params, query: { waitSeconds: '0' } });
    expect(body.orders).toMatchObject([{ attemptId: leased?.attemptId, order: 'stop' }]);
    const release = { epoch: leased!.epoch, reason: 'stopped' };
    await farm.call('releaseAttempt', lane.worker.token, { params: { attemptId: leased!.attemptId }, body: release });
    expect(await lease(lane)).toBeNull();
    expect(await held).toMatchObject({ taskId: leased!.taskId, shotVersionId: shot.shotVersionId });
    const { body: workers } = await farm.call('listWorkers', operator.token, { query: { limit: '500' } });
    const shown = workers.items.flatMap(({ lanes }) => lanes).find(({ id }) => id === lane.id);
    expect(shown?.drainedAt).not.toBeNull();
    const again = { ordinal: 0, host: 'host', capabilities: capabilities() };
    await farm.call('registerLane', lane.worker.token, { body: again });
    await addWork({ count: 1 });
    expect(await lease(lane), 'registering again does not undrain').toBeNull();
  });

  it('that failed a shard get it again only when no other is left', async () => {
    await addWork({ count: 1 });
    const [first, second] = [await addLane(), await addLane()];
    await fail(first, (await lease(first))!);
    expect(await lease(first)).toBeNull();
    await fail(second, (await lease(second))!);
    expect(await lease(first)).not.toBeNull();
  });

  it('that fail several shots are set aside, unless they are the last of their kind; undraining forgives', async () => {
    const projectId = (await addWork({ count: 1 })).projectId;
    for (let n = 0; n < 3; n += 1) await addWork({ count: 1 }, await addShot(farm.owner, { projectId }));
    const lane = await addLane();
    const [bystander] = [await addLane()];
    for (let n = 0; n < 3; n += 1) await fail(lane, (await lease(lane))!);
    const [line] = await farm.audit('lane.set_aside');
    expect(line).toMatchObject({ subjectId: lane.id, data: { failedTasks: 3, failedShots: 3 } });
    expect(await lease(lane)).toBeNull();
    for (let n = 0; n < 3; n += 1) await fail(bystander, (await lease(bystander))!);
    expect(await farm.audit('lane.set_aside')).toHaveLength(1);
    await farm.call('undrainLane', operator.token, { params: { laneId: lane.id }, body: REASON });
    expect(await lease(lane)).not.toBeNull();
  });
});

describe('an attempt that stands still', () => {
  it('is taken from its lane though the lane is alive, and given to another first', async () => {
    const shot = await addWork({ count: 1 });
    const [lane, other] = [await addLane(), await addLane()];
    const leased = (await lease(lane))!;
    const sweep = farm.app.get(LeaseSweep, { strict: false });
    const beat = async (framesDone: number) =>
      await farm.call('heartbeatAttempt', lane.worker.token, {
        params: { attemptId: leased.attemptId },
        body: { epoch: leased.epoch, framesDone },
      });
    const standStill = `UPDATE attempts SET progress_at = now() - interval '1 hour' WHERE id = $1`;
    await farm.owner.query(standStill, [leased.attemptId]);
    await beat(1);
    expect(await sweep.sweepStuck()).toBe(0);
    await farm.owner.query(standStill, [leased.attemptId]);
    await beat(1);
    expect(await sweep.sweepStuck()).toBe(1);
    expect((await beat(2)).status).toBe(409);
    await farm.owner.query(`UPDATE tasks SET not_before = now() WHERE shot_version_id = $1`, [shot.shotVersionId]);
    expect(await lease(lane)).toBeNull();
    expect(await lease(other)).toMatchObject({ taskId: leased.taskId });
  });
});

describe('metrics', () => {
  const value = (text: string, line: string): number =>
    Number(
      text
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')
        .at(-1) ?? 0,
    );
  const scrape = async () => await (await farm.send('GET', '/metrics', { token: operator.token })).text();

  it('count leases, what was taken and what was refused, by reason; and tell what waits', async () => {
    const lane = await addLane();
    const before = await scrape();
    const shot = await addWork({ count: 2 });
    const leased = (await lease(lane))!;
    const beat = async (epoch: number) =>
      await farm.call('heartbeatAttempt', lane.worker.token, {
        params: { attemptId: leased.attemptId },
        body: { epoch, framesDone: 1 },
      });
    expect((await beat(leased.epoch)).status).toBe(200);
    expect((await beat(leased.epoch + 1)).status).toBe(409);
    await farm.app.get(AttemptEnds, { strict: false }).release(lane.worker.id, leased.attemptId, leased.epoch, 'drain');
    const late = { epoch: leased.epoch, result: { sha256: 'a'.repeat(64), bytes: 1, frames: 10 }, timingsMs: {} };
    const refused = await farm.call('completeAttempt', lane.worker.token, {
      params: { attemptId: leased.attemptId },
      body: late,
    });
    expect(refused.status).toBe(409);
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    const after = await scrape();
    const moved = (line: string): number => value(after, line) - value(before, line);
    expect(moved('understudy_claims_total{outcome="lease",kind="render"}')).toBe(1);
    expect(moved('understudy_reports_total{report="heartbeat",outcome="taken"}')).toBe(1);
    expect(moved('understudy_reports_total{report="heartbeat",outcome="STALE_EPOCH"}')).toBe(1);
    expect(moved('understudy_reports_total{report="complete",outcome="STALE_EPOCH"}')).toBe(1);
    expect(moved('understudy_claim_seconds_count')).toBe(1);
    expect(value(after, `understudy_tasks{project="${shot.projectId}",kind="render",state="pending"}`)).toBe(2);
    expect(value(after, 'understudy_lanes_wanted')).toBe(2);
    expect(value(after, 'understudy_lanes{state="idle"}')).toBe(1);
  });

  it('are for whoever runs the farm', async () => {
    const producer = await farm.addMember(await farm.addProject(), 'producer');
    expect((await farm.send('GET', '/metrics', { token: producer.token })).status).toBe(403);
    expect((await farm.send('GET', '/metrics')).status).toBe(401);
  });
});
