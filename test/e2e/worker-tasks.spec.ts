import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { EnrolResult, type FaceObservation, type Lease, ObservationTable } from '@understudy/contracts';
import { FIRST, SECOND, drawGroup, drawPortrait, pngOf } from '@understudy/sample';
import { probePlate } from '@understudy/media';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { ROOT, buildWorker, drawClip, objectOf } from '../../apps/worker/test/clip.js';
import { FakeCoordinator, enrolLease } from '../../apps/worker/test/fake-coordinator.js';
import { type WorkerProcess, renderLease, startWorker } from '../../apps/worker/test/worker-process.js';

let folder: string;
let coordinator: FakeCoordinator;
let worker: WorkerProcess;
let portrait: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-tasks-'));
  await buildWorker();
  portrait = await pngOf((await drawPortrait(FIRST)).picture);
  coordinator = new FakeCoordinator();
  await coordinator.start();
  const dataDir = join(ROOT, '.understudy');
  worker = startWorker({ baseUrl: coordinator.baseUrl, scratchDir: join(folder, 'scratch'), dataDir });
});
afterAll(async () => {
  worker.child.kill('SIGTERM');
  await worker.ended;
  await coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What became of a lease: the report, and the uploaded bytes. */
async function run(lease: Lease) {
  coordinator.leases.push(lease);
  const report = await vi.waitUntil(
    () =>
      coordinator.calls.find(
        ({ name, params }) => params['attemptId'] === lease.attemptId && /^(complete|fail|release)/.test(name),
      ),
    { timeout: 120_000, interval: 50 },
  );
  return { report, upload: coordinator.uploads.get(`/api/v1/attempts/${lease.attemptId}/result`) };
}

async function enrol(content: Buffer) {
  return run(enrolLease({ leaseSeconds: 10, image: await objectOf(content, coordinator.objects) } as Partial<Lease>));
}

describe('enrol', () => {
  it('reads the template of the one face', async () => {
    const { report, upload } = await enrol(portrait);
    expect(report).toMatchObject({ name: 'completeAttempt', body: { epoch: 1, result: { frames: 0 } } });
    const result = EnrolResult.parse(JSON.parse(String(upload)));
    const template = new Float32Array(new Uint8Array(Buffer.from(result.template, 'base64')).buffer);
    expect(template).toHaveLength(512);
    expect(Math.hypot(...template)).toBeCloseTo(1, 4);
    expect(result.recogniser).toMatch(/^faceplugin-0\.0\.1:[0-9a-f]{16}$/);
    expect(String((await enrol(portrait)).upload)).toBe(String(upload));
  });

  it.each([
    [
      'two people',
      'TWO_FACES_IN_IMAGE',
      async () => pngOf((await drawGroup([{ person: FIRST }, { person: SECOND }], 1280, 720)).picture),
    ],
    [
      'no image',
      'UNREADABLE_MEDIA',
      async () => Buffer.from(`\x89PNG\r\n\x1a\n${'not a picture'.repeat(50)}`, 'latin1'),
    ],
  ])('fails for good on %s', async (_, code, content) => {
    const { report, upload } = await enrol(await content());
    expect(report).toMatchObject({ name: 'failAttempt', body: { code, retryable: false } });
    expect(upload).toBeUndefined();
  });

  it('fails for good on a clip, and on a picture without a face', async () => {
    const clip = await drawClip(folder, 3);
    const asClip = await enrol(await readFile(clip.path));
    expect(asClip.report).toMatchObject({ name: 'failAttempt', body: { code: 'UNSUPPORTED_MEDIA', retryable: false } });
    const bare = await enrol(greyPicture());
    expect(bare.report).toMatchObject({ name: 'failAttempt', body: { code: 'NO_FACE', retryable: false } });
  });
});

function greyPicture(): Buffer {
  const args = ['-v', 'error', '-f', 'lavfi', '-i', 'color=gray:size=320x240', '-frames:v', '1'];
  return execFileSync('ffmpeg', [...args, '-f', 'image2pipe', '-c:v', 'png', 'pipe:1']);
}

describe('analyse', () => {
  it('finds the same faces however the range is cut', async () => {
    const path = join(folder, 'plate.png');
    await writeFile(path, portrait);
    const clip = join(folder, 'plate.mp4');
    const filter = 'zoompan=z=1+0.01*on:d=14:s=480x480:fps=24,format=yuv420p';
    execFileSync('ffmpeg', ['-v', 'error', '-i', path, '-vf', filter, '-frames:v', '14', clip]);
    const plate = { path: clip, plate: await probePlate(clip) };
    const analyse = async (startFrame: number, endFrame: number) => {
      const lease = await renderLease(coordinator, plate, [startFrame, endFrame], { leaseSeconds: 10 });
      const { report, upload } = await run({ ...lease, kind: 'analyse' } as Lease);
      expect(report).toMatchObject({ name: 'completeAttempt', body: { result: { frames: endFrame - startFrame } } });
      return { bytes: upload!, table: ObservationTable.parse(JSON.parse(gunzipSync(upload!).toString('utf8'))) };
    };
    const whole = await analyse(0, 14);
    const frames: FaceObservation[][] = whole.table.frames;
    expect(frames.every((faces, n) => faces.length === 1 && faces[0]!.frame === n)).toBe(true);
    expect(frames.filter(([face]) => face!.embedding !== undefined).length).toBeGreaterThan(1);
    const parts = [await analyse(0, 5), await analyse(5, 14)];
    expect(parts.flatMap(({ table }) => table.frames)).toEqual(frames);
    expect((await analyse(0, 14)).bytes.equals(whole.bytes)).toBe(true);
  });
});
