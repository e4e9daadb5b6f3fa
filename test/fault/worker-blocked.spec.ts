import { type ChildProcess, fork } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Clip, ROOT, buildWorker, drawClip } from '../../apps/worker/test/clip.js';
import { FakeCoordinator } from '../../apps/worker/test/fake-coordinator.js';
import { filesBelow, renderLease } from '../../apps/worker/test/worker-process.js';

const FRAMES = 120;
const BLOCK_MS = 6_000;
const LEASE_SECONDS = 2;
let clips: string;
let clip: Clip;
let folder: string;
let coordinator: FakeCoordinator;
let lane: ChildProcess;
let beatsAtMs: number[];
let unblocked: boolean;

const wait = { timeout: 60_000, interval: 20 };
const segments = async () => (await filesBelow(folder)).filter((path) => path.includes('segment'));
/** The step has begun to block: no frame is done any more. */
const untilBlocked = () =>
  vi.waitUntil(() => Number(coordinator.last('heartbeatAttempt')?.body['framesDone'] ?? 0) === 60, wait);

beforeAll(async () => {
  clips = await mkdtemp(join(tmpdir(), 'understudy-blocked-clips-'));
  await buildWorker();
  clip = await drawClip(clips, FRAMES);
});
afterAll(() => rm(clips, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-blocked-'));
  coordinator = new FakeCoordinator();
  beatsAtMs = [];
  coordinator.handlers.heartbeatAttempt = () => {
    beatsAtMs.push(performance.now());
    return { order: 'continue', expiresAt: new Date().toISOString() };
  };
  await coordinator.start();
  coordinator.leases.push(
    await renderLease(coordinator, clip, [0, FRAMES], { leaseSeconds: LEASE_SECONDS, heartbeatSeconds: 0.25 }),
  );
  const scratch = join(folder, 'lane-0');
  await mkdir(scratch);
  unblocked = false;
  lane = fork(join(ROOT, 'apps/worker/test/blocked-lane.mjs'), [], {
    env: { PATH: process.env['PATH'], BLOCK_MS: String(BLOCK_MS), BLOCK_AT_FRAME: '60' },
    execArgv: [],
    serialization: 'advanced',
  });
  lane.on('message', (notice: { type: string; request: number; ref: { url: string } }) => {
    if (notice.type === 'unblocked') unblocked = true;
    // Stands in for the supervisor's cache.
    if (notice.type === 'acquire') lane.send({ type: 'acquired', request: notice.request, path: clip.path });
  });
  lane.send({
    type: 'start',
    config: {
      ordinal: 0,
      host: 'host',
      coordinatorUrl: coordinator.baseUrl,
      workerToken: 't',
      dataDir: folder,
      scratch,
      provider: 'cpu',
      threads: 1,
      logLevel: 'silent',
      drainGraceMs: 500,
      resultPatienceMs: 10_000,
    },
  });
});
afterEach(async () => {
  lane.kill('SIGKILL');
  await coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('a lane whose inference blocks', () => {
  it('never misses a lease, and reports when it is done', async () => {
    await vi.waitUntil(() => coordinator.count('completeAttempt') === 1, wait);
    const gapsMs = beatsAtMs.slice(1).map((at, i) => at - beatsAtMs[i]!);
    expect(beatsAtMs.at(-1)! - beatsAtMs[0]!).toBeGreaterThan(BLOCK_MS * 0.9);
    expect(Math.max(...gapsMs)).toBeLessThan((LEASE_SECONDS * 1000) / 2);
  });

  it('writes no further frame once it is revoked, while it still blocks', async () => {
    await untilBlocked();
    expect((await segments()).length).toBeGreaterThan(0);
    coordinator.handlers.heartbeatAttempt = () => ({ order: 'revoked', expiresAt: new Date().toISOString() });
    const since = performance.now();
    await vi.waitUntil(async () => (await segments()).length === 0, { timeout: 2_500, interval: 20 });
    expect(performance.now() - since).toBeLessThan(2_500);
    expect(unblocked).toBe(false);
    await vi.waitUntil(() => coordinator.count('releaseAttempt') === 1, wait);
    expect(coordinator.uploads.size).toBe(0);
  });

  it('deletes what it wrote when its lease ends and nobody can be reached, while it still blocks', async () => {
    await untilBlocked();
    await coordinator.stop();
    await vi.waitUntil(async () => (await segments()).length === 0, {
      timeout: LEASE_SECONDS * 1000 + 1_500,
      interval: 20,
    });
    expect(unblocked).toBe(false);
  });
});
