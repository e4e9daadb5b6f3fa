import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Lease, type RenderLease } from '@understudy/contracts';
import { openSegmentWriter, type PlateInfo, probePlate, readFrames } from '@understudy/media';
import type { ObjectStore } from '@understudy/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OBJECT_STORE } from '../../apps/coordinator/src/platform/tokens.js';
import { TaskWriter } from '../../apps/coordinator/src/shards/task-writer.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { capabilities } from './shards-farm.js';
import { addShot, type ShotFixture, tasksOf } from './shot-fixture.js';

const run = promisify(execFile);
const FRAMES = 24;

let farm: TestCoordinator;
let dir: string;
let plate: PlateInfo;
let plateSha256: string;
let plateFile: string;
let worker: TestPerson;
let laneId: string;

beforeAll(async () => {
  farm = await TestCoordinator.start();
  dir = await mkdtemp(join(tmpdir(), 'lanes-'));
  const path = join(dir, 'plate.mp4');
  const input = '-v error -f lavfi -i testsrc2=size=96x64:rate=24'.split(' ');
  const output = `-frames:v ${FRAMES} -pix_fmt yuv420p -c:v libx264 -preset ultrafast`.split(' ');
  await run('ffmpeg', [...input, ...output, path]);
  plate = await probePlate(path);
  plateFile = path;
  plateSha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
});
afterAll(async () => {
  await farm.stop();
  await rm(dir, { recursive: true, force: true });
});

const api = (path: string): string => `/api/v1${path}`;
const post = <Body>(path: string, token: string, body: unknown) => farm.json<Body>('POST', api(path), { token, body });

async function registerLane(token: string): Promise<string> {
  const body = { ordinal: 0, host: 'host', capabilities: capabilities() };
  return (await post<{ laneId: string }>('/lanes', token, body)).body.laneId;
}

beforeEach(async () => {
  const operator = await farm.addUser(['farm_operator']);
  const made = await post<{ id: string; secret: string }>('/workers', operator.token, {
    name: `worker ${Math.random()}`,
  });
  expect(made.status).toBe(200);
  worker = { id: made.body.id, token: made.body.secret };
  laneId = await registerLane(worker.token);
});

async function addRange(encoding: 'lossless' | 'delivery'): Promise<ShotFixture> {
  const shot = await addShot(farm.owner, { media: plate, plateSha256, encoding: { mode: encoding } });
  const objects = farm.app.get<ObjectStore>(OBJECT_STORE, { strict: false }).of(shot.projectId);
  await objects.put(createReadStream(plateFile));
  await farm.owner.hotTransaction(async (sql) => {
    const tasks = tasksOf(shot, { count: 2, framesEach: 10 }).map((task) => ({ ...task, priority: 99 }));
    await farm.app.get(TaskWriter, { strict: false }).create(sql, tasks);
  });
  return shot;
}

async function lease(): Promise<RenderLease> {
  const { body } = await post<{ lease: unknown }>(`/lanes/${laneId}/lease`, worker.token, { waitSeconds: 0 });
  const parsed = Lease.parse(body.lease);
  if (parsed.kind !== 'render') throw new Error(`expected a render lease, got ${parsed.kind}`);
  return parsed;
}

/** Renders as a lane does, with the plate's own frames. */
async function render(of: RenderLease, source: string, name: string) {
  const path = join(dir, `${name}.mp4`);
  const writer = await openSegmentWriter({ path, plate, encoding: of.encoding });
  for await (const { frame } of readFrames({
    path: source,
    plate,
    startFrame: of.startFrame,
    endFrame: of.endFrame,
  })) {
    await writer.write(frame);
  }
  const result = await writer.finish();
  return { result, content: await readFile(path) };
}

async function put(of: RenderLease, content: Buffer, offset: number, token = worker.token): Promise<Response> {
  return await farm.send('PUT', `${of.upload.url}&offset=${offset}`, { token, body: content });
}

const complete = async (of: RenderLease, result: object, token = worker.token) =>
  await post(`/attempts/${of.attemptId}/complete`, token, { epoch: of.epoch, result, timingsMs: { render: 1 } });

async function taskState(taskId: string): Promise<string | undefined> {
  const [row] = await farm.owner.query<{ state: string }>('SELECT state::text AS state FROM tasks WHERE id = $1', [
    taskId,
  ]);
  return row?.state;
}

async function endLeases(): Promise<void> {
  await farm.owner.query(`UPDATE tasks SET state = 'cancelled' WHERE state NOT IN ('accepted', 'failed')`);
}

describe('a lane over HTTP', () => {
  it.each(['lossless', 'delivery'] as const)('fetches, renders and brings a %s segment, in pieces', async (mode) => {
    await addRange(mode);
    const of = await lease();
    const fetched = await farm.send('GET', of.plate.source.url, {});
    const fetchedFile = join(dir, `${mode}-plate.mp4`);
    const bytes = Buffer.from(await fetched.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(of.plate.source.sha256);
    await writeFile(fetchedFile, bytes);
    const { result, content } = await render(of, fetchedFile, mode);

    expect((await put(of, content.subarray(0, 1000), 0)).headers.get('upload-offset')).toBe('1000');
    const wrong = await put(of, content.subarray(900), 900);
    expect([wrong.status, wrong.headers.get('upload-offset')]).toEqual([409, '1000']);
    const head = await farm.send('HEAD', of.upload.url, { token: worker.token });
    expect(head.headers.get('upload-offset')).toBe('1000');
    await put(of, content.subarray(1000), 1000);

    expect(await complete(of, result)).toEqual({ status: 200, body: { ok: true } });
    expect(await taskState(of.taskId)).toBe('accepted');
    expect(await complete(of, result)).toEqual({ status: 200, body: { ok: true } });
    await endLeases();
  });

  it('is refused a segment that is another range’s, and one whose frames are not those it hashed', async () => {
    await addRange('lossless');
    const first = await lease();
    const short = await render({ ...first, endFrame: first.endFrame - 1 }, plateFile, 'short');
    await put(first, short.content, 0);
    const frameHashes = [...short.result.frameHashes, short.result.frameHashes[0]];
    const refused = await complete(first, { ...short.result, frames: 10, frameHashes });
    expect([refused.status, refused.body.error?.code]).toEqual([422, 'SEGMENT_INVALID']);

    const second = await lease();
    const other = await render(second, plateFile, 'other');
    await put(second, other.content, 0);
    const reordered = [...other.result.frameHashes].reverse();
    const lied = await complete(second, { ...other.result, frameHashes: reordered });
    expect([lied.status, lied.body.error?.code]).toEqual([422, 'SEGMENT_INVALID']);
    expect(await taskState(second.taskId)).toBe('pending');
    await endLeases();
  });

  it('touches no attempt but its worker’s own, under the right epoch', async () => {
    await addRange('delivery');
    const of = await lease();
    const stranger = await farm.addWorker();
    expect((await put(of, Buffer.from('x'), 0, stranger.token)).status).toBe(404);
    expect((await farm.send('HEAD', of.upload.url, { token: stranger.token })).status).toBe(404);
    expect((await complete(of, { sha256: '0'.repeat(64), bytes: 1, frames: 10 }, stranger.token)).status).toBe(404);
    expect((await post(`/lanes/${laneId}/lease`, stranger.token, { waitSeconds: 0 })).status).toBe(404);
    const wrongEpoch = await farm.send('PUT', `${of.upload.url.replace('epoch=1', 'epoch=2')}&offset=0`, {
      token: worker.token,
      body: Buffer.from('x'),
    });
    expect(wrongEpoch.status).toBe(409);
    const beat = await post(`/attempts/${of.attemptId}/heartbeat`, worker.token, { epoch: 1, framesDone: 2 });
    expect(beat).toMatchObject({ status: 200, body: { order: 'continue' } });
    const released = await post(`/attempts/${of.attemptId}/release`, worker.token, { epoch: 1, reason: 'drain' });
    expect(released.status).toBe(200);
    expect(await taskState(of.taskId)).toBe('pending');
    await endLeases();
  });

  it('gets an object by its signed address alone', async () => {
    await addRange('delivery');
    const { url } = (await lease()).plate.source;
    const part = await farm.send('GET', url, { headers: { range: 'bytes=0-9' } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10]);
    const other = url.replace(plateSha256, '1'.repeat(64));
    expect((await farm.send('GET', other, {})).status).toBe(403);
    expect((await farm.send('GET', url.split('?')[0]!, { token: worker.token })).status).toBe(403);
    await endLeases();
  });

  it('gets nothing more by an address it kept once the shot has ended', async () => {
    await addRange('delivery');
    const { url } = (await lease()).plate.source;
    expect((await farm.send('GET', url, { headers: { range: 'bytes=0-9' } })).status).toBe(206);
    await farm.owner.query(`UPDATE shot_versions SET state = 'revoked' WHERE state = 'rendering'`);
    expect((await farm.send('GET', url, {})).status).toBe(403);
    await farm.owner.query(`UPDATE shot_versions SET state = 'rendering' WHERE state = 'revoked'`);
    await endLeases();
  });
});

describe('workers', () => {
  it('register a lane once, and are listed with what it can do', async () => {
    expect(await registerLane(worker.token)).toBe(laneId);
    const operator = await farm.addUser(['farm_operator']);
    const { body } = await farm.call('listWorkers', operator.token);
    const listed = body.items.find(({ id }) => id === worker.id);
    expect(listed?.lanes).toMatchObject([{ id: laneId, name: 'host#0', state: 'idle' }]);
    expect(listed?.lanes[0]?.parity).toBe('cpu fp32 ort-1.30 avx2 batch1');
    expect(JSON.stringify(body)).not.toContain(worker.token);
  });

  it('say what they do before their lanes can work, until one registers', async () => {
    const operator = await farm.addUser(['farm_operator']);
    const preparing = async () => {
      const { body } = await farm.call('listWorkers', operator.token, { query: { limit: '500' } });
      return body.items.find(({ id }) => id === worker.id)?.preparing;
    };
    expect(await preparing()).toBeNull();
    await farm.call('reportPreparing', worker.token, { body: { step: 'building engine 2/4' } });
    expect(await preparing()).toMatchObject({ step: 'building engine 2/4', at: expect.any(String) });
    await registerLane(worker.token);
    expect(await preparing()).toBeNull();
  });

  it('are made by farm operators alone, each under a name of its own', async () => {
    const operator = await farm.addUser(['farm_operator']);
    const somebody = await farm.addUser();
    expect((await post('/workers', somebody.token, { name: 'x' })).status).toBe(403);
    expect((await post('/workers', operator.token, { name: 'twice' })).status).toBe(200);
    expect((await post('/workers', operator.token, { name: 'twice' })).body.error?.code).toBe('CONFLICT');
    const { kept } = (
      await farm.owner.query<{ kept: number }>('SELECT count(*)::int AS kept FROM tokens WHERE hash = $1', [
        worker.token,
      ])
    )[0]!;
    expect(kept).toBe(0);
  });
});
