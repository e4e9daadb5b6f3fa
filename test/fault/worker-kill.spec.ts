import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Clip, ROOT, buildWorker, drawClip } from '../../apps/worker/test/clip.js';
import { FakeCoordinator } from '../../apps/worker/test/fake-coordinator.js';
import {
  type WorkerProcess,
  filesBelow,
  isAlive,
  processesNaming,
  renderLease,
  startWorker,
} from '../../apps/worker/test/worker-process.js';

const FRAMES = 600;
let clips: string;
let clip: Clip;
let folder: string;
let coordinator: FakeCoordinator;
let worker: WorkerProcess;

const dataDir = join(ROOT, '.understudy');
const scratchDir = () => join(folder, 'scratch');
const wait = { timeout: 60_000, interval: 25 };
const entries = (msg: string) => worker.log.filter((entry) => entry['msg'] === msg);
const lanePids = () => entries('lane started').map((entry) => Number(entry['pid']));
const segments = async () => (await filesBelow(scratchDir())).filter((path) => path.includes('segment'));

/** Waits until some frames have reached the encoder. */
async function untilRendering(): Promise<void> {
  await vi.waitUntil(() => Number(coordinator.last('heartbeatAttempt')?.body['framesDone'] ?? 0) > 10, wait);
  expect((await segments()).length).toBeGreaterThan(0);
}

beforeAll(async () => {
  clips = await mkdtemp(join(tmpdir(), 'understudy-kill-clips-'));
  await buildWorker();
  clip = await drawClip(clips, FRAMES, '640x360');
});
afterAll(() => rm(clips, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-kill-'));
  coordinator = new FakeCoordinator();
  await coordinator.start();
  coordinator.leases.push(await renderLease(coordinator, clip, [0, FRAMES]));
  worker = startWorker({ baseUrl: coordinator.baseUrl, scratchDir: scratchDir(), dataDir });
});
afterEach(async () => {
  worker.child.kill('SIGTERM');
  worker.child.kill('SIGTERM');
  await worker.ended;
  await coordinator.stop();
  expect(worker.text()).not.toContain('very-secret');
  expect(worker.text()).not.toContain('clip-');
  await rm(folder, { recursive: true, force: true });
});

describe('a worker’s processes', () => {
  it('leave nothing of a lane that was killed, and go on with the next lease', async () => {
    await untilRendering();
    const [first] = lanePids();
    process.kill(first!, 'SIGKILL');
    await vi.waitUntil(async () => (await segments()).length === 0, wait);
    await vi.waitUntil(() => processesNaming(scratchDir()).length === 0, wait);
    expect(coordinator.count('completeAttempt')).toBe(0);
    coordinator.leases.push(await renderLease(coordinator, clip, [100, 130]));
    await vi.waitUntil(() => coordinator.count('completeAttempt') === 1, wait);
    expect(lanePids()).toHaveLength(2);
    expect(coordinator.last('completeAttempt')?.body).toMatchObject({ result: { frames: 30 } });
    // The plate was there already: the objects outlive a lane.
    expect(coordinator.downloads).toBe(2);
  });

  it('end with a supervisor that was killed, and leave no frames', async () => {
    await untilRendering();
    const [lane] = lanePids();
    worker.child.kill('SIGKILL');
    await worker.ended;
    await vi.waitUntil(() => !isAlive(lane!), wait);
    await vi.waitUntil(() => processesNaming(scratchDir()).length === 0, wait);
    expect(await segments()).toEqual([]);
    // What only the supervisor could wipe goes when the next one starts.
    expect((await filesBelow(scratchDir())).length).toBeGreaterThan(0);
    worker = startWorker({ baseUrl: coordinator.baseUrl, scratchDir: scratchDir(), dataDir });
    await vi.waitUntil(() => entries('lanes ready').length === 1, wait);
    expect((await filesBelow(scratchDir())).map((path) => path.slice(scratchDir().length))).toEqual(['/owner.json']);
  });

  it('drain by SIGTERM: hand the shard back, wipe, end well', async () => {
    await untilRendering();
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    expect(coordinator.last('releaseAttempt')).toMatchObject({ body: { reason: 'shutdown' } });
    expect(coordinator.count('completeAttempt')).toBe(0);
    expect(await filesBelow(scratchDir())).toEqual([]);
  });

  it('end at once by a second SIGTERM', async () => {
    await untilRendering();
    worker.child.kill('SIGTERM');
    const since = performance.now();
    worker.child.kill('SIGTERM');
    await worker.ended;
    expect(performance.now() - since).toBeLessThan(5_000);
    expect(await filesBelow(scratchDir())).toEqual([]);
    expect(processesNaming(scratchDir())).toEqual([]);
  });

  it('stop by a revocation within a moment, and report nothing', async () => {
    await untilRendering();
    coordinator.handlers.heartbeatAttempt = () => ({ order: 'revoked', expiresAt: new Date().toISOString() });
    await vi.waitUntil(async () => (await segments()).length === 0, { timeout: 3_000, interval: 25 });
    await vi.waitUntil(() => coordinator.count('releaseAttempt') === 1, wait);
    expect(coordinator.uploads.size).toBe(0);
    expect(coordinator.count('completeAttempt')).toBe(0);
  });
});
