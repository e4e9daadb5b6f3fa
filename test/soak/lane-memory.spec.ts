import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { AnalysisTable, type Lease, ObservationTable, recipePreset } from '@understudy/contracts';
import { linkTracks } from '@understudy/face';
import { probePlate } from '@understudy/media';
import { drawClip, drawPortrait, FIRST, pngOf, THIRD } from '@understudy/sample';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { ROOT, buildWorker, type Clip, objectOf, tableBytes } from '../../apps/worker/test/clip.js';
import { FakeCoordinator } from '../../apps/worker/test/fake-coordinator.js';
import { renderLease, startWorker, type WorkerProcess } from '../../apps/worker/test/worker-process.js';

/** Frames of one task, and how often it is analysed and rendered: 5,000 frames of each. */
const FRAMES = 250;
const ROUNDS = 20;
const [WIDTH, HEIGHT] = [640, 360];

let folder: string;
let coordinator: FakeCoordinator;
let worker: WorkerProcess;
let clip: Clip;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-soak-'));
  await buildWorker();
  const path = join(folder, 'plate.mp4');
  const person = { person: FIRST, x: 320, y: 170, unitPx: 55, performanceSeed: 3, pitchHz: 205, facing: 0 };
  await drawClip({ width: WIDTH, height: HEIGHT, framesPerSecond: 24, frames: FRAMES, cast: [person], out: path });
  clip = { path, plate: await probePlate(path) };
  coordinator = new FakeCoordinator();
  await coordinator.start();
  const [scratchDir, dataDir] = [join(folder, 'scratch'), join(ROOT, '.understudy')];
  worker = startWorker({ baseUrl: coordinator.baseUrl, scratchDir, dataDir });
}, 600_000);
afterAll(async () => {
  worker.child.kill('SIGTERM');
  await worker.ended;
  await coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The upload of a lease that was done. What the coordinator keeps of it is dropped. */
async function run(lease: Lease): Promise<Buffer> {
  coordinator.leases.push(lease);
  const report = await vi.waitUntil(
    () =>
      coordinator.calls.find(
        ({ params, name }) => params['attemptId'] === lease.attemptId && /^(complete|fail|release)/.test(name),
      ),
    { timeout: 600_000, interval: 100 },
  );
  expect(report.name, JSON.stringify(report.body)).toBe('completeAttempt');
  const path = `/api/v1/attempts/${lease.attemptId}/result`;
  const upload = coordinator.uploads.get(path)!;
  coordinator.uploads.delete(path);
  coordinator.calls.length = 0;
  return upload;
}

function analysisOf(upload: Buffer): AnalysisTable {
  const { frames } = ObservationTable.parse(JSON.parse(gunzipSync(upload).toString('utf8')));
  const size = { frameCount: FRAMES, width: WIDTH, height: HEIGHT };
  const tracks = linkTracks(frames, size).map(({ track, startFrame, endFrame, faces, uncertainFrames }) => {
    return { track, startFrame, endFrame, faces: [...faces], uncertainFrames: [...uncertainFrames] };
  });
  return AnalysisTable.parse({ format: 'understudy-analysis/1', ...size, tracks });
}

/** Resident memory of the worker's lane, without the ffmpeg processes that come and go. */
function laneMiB(): number {
  const children = readFileSync(`/proc/${worker.child.pid}/task/${worker.child.pid}/children`, 'utf8').trim();
  const lanes = children.split(' ').filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('lane/main'));
  expect(lanes).toHaveLength(1);
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${lanes[0]}/status`, 'utf8'))![1]) / 1024;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

it(`keeps a lane's memory flat over ${FRAMES * ROUNDS} frames`, { timeout: 3_600_000 }, async () => {
  const image = await objectOf(await pngOf((await drawPortrait(THIRD)).picture), coordinator.objects);
  const whole = [0, FRAMES] as const;
  const leaseOf = (more: Partial<Lease>) => renderLease(coordinator, clip, whole, { leaseSeconds: 30, ...more });
  const observed = await run({ ...(await leaseOf({})), kind: 'analyse' } as Lease);
  const analysis = await objectOf(tableBytes(analysisOf(observed)), coordinator.objects);
  const cast = [{ cast: 0, identityImages: [image], tracks: [0] }];
  const seen: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await run({ ...(await leaseOf({})), kind: 'analyse' } as Lease);
    await run(
      await leaseOf({ analysis, cast, recipe: recipePreset('replace'), anonymiseTracks: [] } as Partial<Lease>),
    );
    seen.push(laneMiB());
    console.log(`after ${(round + 1) * FRAMES} frames: ${seen.at(-1)!.toFixed(0)} MiB`);
  }
  // Caches and the heap reach their size in the first rounds.
  const [early, late] = [median(seen.slice(ROUNDS / 4, ROUNDS / 2)), median(seen.slice(-ROUNDS / 4))];
  expect(late).toBeLessThan(1.05 * early);
});
