import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type NodeClient, createNodeClient } from '@understudy/client/node';
import { type Lease, UnderstudyError } from '@understudy/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { FakeCoordinator, enrolLease, held } from '../../test/fake-coordinator.js';
import { FakeExecutor } from '../../test/fake-executor.js';
import { openLog } from '../log.js';
import { LaneAgent, type AgentOptions } from './agent.js';
import { LaneControl, monotonicMs } from './control.js';

const registration: AgentOptions['registration'] = {
  ordinal: 0,
  host: 'host',
  capabilities: {
    parityClass: { provider: 'cpu', precision: 'fp32', runtime: 'r', instructionSet: 'i', batch: 1 },
    kinds: ['render'],
    threads: 1,
    vramMiB: 0,
    packs: ['p'],
  },
};

let scratch: string;
let coordinator: FakeCoordinator;
let client: NodeClient;
let executor: FakeExecutor;
let agent: LaneAgent;
let running: Promise<void>;
let control: LaneControl;
const objects = { held: new Map<string, number>() };

function start(overrides: Partial<AgentOptions> = {}): void {
  agent = new LaneAgent({
    client,
    control,
    executor,
    objects: {
      acquire: async ({ sha256 }) => {
        objects.held.set(sha256, (objects.held.get(sha256) ?? 0) + 1);
        return `/cache/${sha256}`;
      },
      release: (sha256) => objects.held.delete(sha256),
    },
    scratch,
    log: openLog('silent', {}),
    drainGraceMs: 300,
    resultPatienceMs: 10_000,
    registration,
    leaseWaitSeconds: 1,
    random: () => 0.5,
    onTokenRefused: () => Promise.resolve(),
    onRegistered: () => {},
    onAttempt: () => {},
    ...overrides,
  });
  running = agent.run();
  running.catch(() => {});
}

function offer(overrides: Parameters<typeof enrolLease>[0] = {}): Lease {
  const lease = enrolLease(overrides);
  coordinator.leases.push(lease);
  return lease;
}

const seen = (name: Parameters<FakeCoordinator['count']>[0]) =>
  vi.waitUntil(() => coordinator.last(name), { timeout: 8000, interval: 10 });
const stale = () => {
  throw new UnderstudyError('STALE_EPOCH', 'late');
};
const reports = () =>
  (['completeAttempt', 'failAttempt', 'releaseAttempt'] as const).map((name) => coordinator.count(name));

beforeEach(async () => {
  scratch = join(await mkdtemp(join(tmpdir(), 'understudy-agent-')), 'lane-0');
  await mkdir(scratch);
  coordinator = new FakeCoordinator();
  await coordinator.start();
  client = createNodeClient({ baseUrl: coordinator.baseUrl, token: 't', timeouts: { requestMs: 1000 } });
  control = new LaneControl();
  executor = new FakeExecutor(control);
  objects.held.clear();
});

afterEach(async () => {
  agent.abort();
  await running.catch(() => {});
  client.close();
  await coordinator.stop();
  // Whatever happened, nothing of an attempt is left.
  expect(await readdir(scratch)).toEqual([]);
  expect([...objects.held]).toEqual([]);
  await rm(join(scratch, '..'), { recursive: true, force: true });
});

describe('lane agent', () => {
  it('leases, works, uploads and reports under the epoch', async () => {
    const lease = offer({ epoch: 7 });
    start();
    const complete = await seen('completeAttempt');
    expect(complete).toMatchObject({
      params: { attemptId: lease.attemptId },
      body: {
        epoch: 7,
        result: { sha256: 'b'.repeat(64), bytes: 6, frames: 1 },
        timingsMs: { work: 1, upload: expect.any(Number) },
      },
    });
    expect(coordinator.uploads.get(`/api/v1/attempts/${lease.attemptId}/result`)?.toString()).toBe('result');
    expect(executor.tasks[0]?.inputs).toEqual({ ['a'.repeat(64)]: `/cache/${'a'.repeat(64)}` });
    expect(coordinator.last('registerLane')?.body).toMatchObject({ ordinal: 0, host: 'host' });
  });

  it('beats with its progress, and so outlives the first lease time', async () => {
    executor.frames = 60;
    executor.frameMs = 50;
    offer({ leaseSeconds: 1 });
    start();
    await seen('completeAttempt');
    const beats = coordinator.calls.filter(({ name }) => name === 'heartbeatAttempt');
    const progress = beats.map(({ body }) => Number(body['framesDone']));
    expect(beats.length).toBeGreaterThan(5);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBeGreaterThan(30);
  });

  it.each(['stop', 'revoked'] as const)('ends at once by the order %s of the held request', async (order) => {
    executor.frames = 1000;
    executor.frameMs = 5;
    const lease = offer({ heartbeatSeconds: 1.5 });
    coordinator.handlers.pollOrders = async () => {
      await held(300);
      return { orders: [{ attemptId: lease.attemptId, epoch: lease.epoch, order }] };
    };
    start();
    expect(await seen('releaseAttempt')).toMatchObject({ body: { epoch: 1, reason: 'stopped' } });
    expect(control.stopReason()).toBe(order);
    expect(reports()).toEqual([0, 0, 1]);
    expect(control.framesDone).toBeLessThan(150);
  });

  it('does not mind an order for another attempt or epoch', async () => {
    executor.frames = 40;
    executor.frameMs = 20;
    const lease = offer({ epoch: 2 });
    coordinator.handlers.pollOrders = () => ({ orders: [{ attemptId: lease.attemptId, epoch: 1, order: 'stop' }] });
    start();
    await seen('completeAttempt');
  });

  it('drops the work without a word when its epoch is stale', async () => {
    executor.frames = 1000;
    executor.frameMs = 5;
    offer();
    coordinator.handlers.heartbeatAttempt = stale;
    start();
    await vi.waitUntil(() => control.stopReason() === 'stale');
    await vi.waitUntil(async () => (await readdir(scratch)).length === 0);
    await held(100);
    expect(reports()).toEqual([0, 0, 0]);
    expect(coordinator.uploads.size).toBe(0);
  });

  it('drops a result that comes too late', async () => {
    offer();
    coordinator.handlers.completeAttempt = stale;
    start();
    await seen('completeAttempt');
    await vi.waitUntil(async () => (await readdir(scratch)).length === 0);
    await held(50);
    expect(reports()).toEqual([1, 0, 0]);
  });

  it('stops by itself when the coordinator is gone and the lease ends', async () => {
    executor.frames = 2000;
    executor.frameMs = 5;
    offer({ leaseSeconds: 1 });
    start();
    await vi.waitUntil(() => executor.tasks.length > 0);
    await held(300);
    const goneAtMs = monotonicMs();
    await coordinator.stop();
    await vi.waitUntil(async () => (await readdir(scratch)).length === 0, { timeout: 5000 });
    expect(control.stopReason()).toBe('expired');
    // The last heartbeat that got through came before; so did the lease's end that counts.
    expect(executor.lastFrameAtMs - goneAtMs).toBeLessThan(1100);
  });

  it('keeps a result until the coordinator is back, and brings it if the lease holds', async () => {
    const lease = offer({ leaseSeconds: 4 });
    executor.frames = 20;
    executor.frameMs = 25;
    start();
    await vi.waitUntil(() => executor.tasks.length > 0);
    await coordinator.stop();
    await held(1500);
    expect(await readdir(scratch)).toEqual([lease.attemptId]);
    await coordinator.start();
    await seen('completeAttempt');
  });

  it('keeps no result longer than its lease while nobody hears', async () => {
    offer({ leaseSeconds: 1 });
    executor.frames = 5;
    executor.frameMs = 20;
    start();
    await vi.waitUntil(() => executor.tasks.length > 0);
    const goneAtMs = monotonicMs();
    await coordinator.stop();
    await vi.waitUntil(async () => (await readdir(scratch)).length === 0, { timeout: 5000, interval: 10 });
    expect(monotonicMs() - goneAtMs).toBeLessThan(1_500);
    await coordinator.start();
    await held(700);
    expect(reports()).toEqual([0, 0, 0]);
  });

  it('keeps a result while the store has no room, and brings it when it has', async () => {
    const lease = offer({ leaseSeconds: 1, heartbeatSeconds: 0.2 });
    let full = true;
    coordinator.handlers.completeAttempt = () => {
      if (full) throw new UnderstudyError('DISK_FULL', 'no room');
      return { ok: true };
    };
    start();
    await seen('completeAttempt');
    await held(1_200);
    expect(await readdir(scratch)).toEqual([lease.attemptId]);
    full = false;
    await vi.waitUntil(async () => (await readdir(scratch)).length === 0, { timeout: 5000 });
    expect(reports()).toEqual([coordinator.count('completeAttempt'), 0, 0]);
  });

  it('gives such a result up when the lease does not hold any more', async () => {
    offer({ leaseSeconds: 4 });
    executor.frames = 20;
    executor.frameMs = 25;
    start();
    await vi.waitUntil(() => executor.tasks.length > 0);
    await coordinator.stop();
    await held(1000);
    coordinator.handlers.heartbeatAttempt = stale;
    coordinator.handlers.completeAttempt = stale;
    await coordinator.start();
    await vi.waitUntil(async () => (await readdir(scratch)).length === 0, { timeout: 5000 });
    expect(reports()[1]).toBe(0);
  });

  it('says what failed and whether another try may help', async () => {
    executor.error = new UnderstudyError('NO_FACE', 'No face.');
    offer();
    start();
    expect(await seen('failAttempt')).toMatchObject({ body: { epoch: 1, code: 'NO_FACE', retryable: false } });
    executor.error = Object.assign(new Error('disk'), { code: 'ENOSPC' });
    offer({ epoch: 2 });
    await vi.waitUntil(() => coordinator.count('failAttempt') === 2);
    expect(coordinator.last('failAttempt')).toMatchObject({ body: { epoch: 2, code: 'DISK_FULL', retryable: true } });
  });

  it('drained, finishes what is nearly done', async () => {
    const range = { kind: 'analyse', startFrame: 0, endFrame: 20, plate: { source: ref, info: null } } as const;
    offer(range as Partial<Lease>);
    executor.frames = 20;
    executor.frameMs = 20;
    start();
    await vi.waitUntil(() => control.framesDone >= 12);
    agent.drain();
    await running;
    expect(reports()).toEqual([1, 0, 0]);
  });

  it('drained, hands back what would take long', async () => {
    const range = { kind: 'analyse', startFrame: 0, endFrame: 500, plate: { source: ref, info: null } } as const;
    offer(range as Partial<Lease>);
    executor.frames = 500;
    executor.frameMs = 20;
    start();
    await vi.waitUntil(() => control.framesDone >= 5);
    agent.drain();
    await running;
    expect(coordinator.last('releaseAttempt')).toMatchObject({ body: { reason: 'shutdown' } });
    expect(reports()).toEqual([0, 0, 1]);
    expect(control.framesDone).toBeLessThan(100);
  });

  it('drained while idle, ends', async () => {
    start();
    await seen('leaseTask');
    agent.drain();
    await running;
  });

  it('ends with the code when the coordinator does not let it in', async () => {
    coordinator.handlers.registerLane = () => {
      throw new UnderstudyError('FORBIDDEN', 'not here');
    };
    start();
    await expect(running).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('waits for another token when its own is not taken any more, and goes on', async () => {
    let renewed = false;
    coordinator.handlers.leaseTask = () => {
      if (!renewed) throw new UnderstudyError('UNAUTHENTICATED', 'it ended');
      return held(50).then(() => ({ lease: null }));
    };
    start({
      onTokenRefused: async () => {
        await held(100);
        expect(coordinator.count('leaseTask')).toBe(1);
        renewed = true;
      },
    });
    await vi.waitUntil(() => coordinator.count('leaseTask') >= 2, { timeout: 5000 });
    expect(coordinator.count('registerLane')).toBe(1);
    agent.drain();
    await running;
  });

  it('registers again with a coordinator that has forgotten it', async () => {
    let forgotten = true;
    coordinator.handlers.leaseTask = () => {
      if (!forgotten) return held(50).then(() => ({ lease: null }));
      forgotten = false;
      throw new UnderstudyError('NOT_FOUND', 'no such lane');
    };
    start();
    await vi.waitUntil(() => coordinator.count('registerLane') === 2, { timeout: 5000 });
  });
});

const ref = { sha256: 'a'.repeat(64), bytes: 5, mediaType: 'video/mp4', url: '/objects/plate' };
