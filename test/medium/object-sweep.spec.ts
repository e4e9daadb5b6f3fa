import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore, ProjectObjects } from '@understudy/storage';
import { ObjectSweep } from '../../apps/coordinator/src/objects/object-sweep.js';
import { OBJECT_STORE } from '../../apps/coordinator/src/platform/tokens.js';
import { TestCoordinator } from './coordinator.js';
import { addShot, type ShotFixture } from './shot-fixture.js';

const DAY_MS = 86_400_000;

let farm: TestCoordinator;
let objects: ProjectObjects;
let store: ObjectStore;
let sweep: ObjectSweep;
let shot: ShotFixture;
let named: string;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  sweep = farm.app.get(ObjectSweep, { strict: false });
  const plate = Buffer.from('a plate');
  named = createHash('sha256').update(plate).digest('hex');
  shot = await addShot(farm.owner, { plateSha256: named });
  store = farm.app.get<ObjectStore>(OBJECT_STORE, { strict: false });
  objects = store.of(shot.projectId);
  await objects.put(Readable.from([plate]));
});
afterAll(() => farm.stop());

const put = async (text: string): Promise<string> => (await objects.put(Readable.from([Buffer.from(text)]))).sha256;

describe('the sweep of objects', () => {
  it('deletes what no row names once it is a day old, and says so in the log', async () => {
    const orphan = await put('nobody knows me');
    expect((await sweep.sweep(Date.now()))?.orphans).toEqual([]);
    expect(await objects.stat(orphan)).not.toBeNull();
    expect((await sweep.sweep(Date.now() + DAY_MS + 60_000))?.orphans).toEqual([orphan]);
    expect(await objects.stat(orphan)).toBeNull();
    expect(await objects.stat(named)).not.toBeNull();
    const [event] = await farm.owner.query<{ canonical: string }>(
      `SELECT canonical FROM audit_events WHERE action = 'objects.orphans_deleted'`,
    );
    expect(JSON.parse(event?.canonical ?? '{}')).toMatchObject({ data: { sha256s: [orphan] } });
  });

  it('tells the projects apart: what one names is nothing to another', async () => {
    const other = store.of(randomUUID());
    await other.put(Readable.from([Buffer.from('a plate')]));
    expect((await sweep.sweep(Date.now() + DAY_MS + 60_000))?.orphans).toEqual([named]);
    expect([await other.stat(named), (await objects.stat(named))?.sha256]).toEqual([null, named]);
  });

  it('leaves a segment, a delivery and a result that waits', async () => {
    const [segment, delivery, reported] = [await put('segment'), await put('delivery'), await put('reported')];
    const [{ id: taskId = '' } = {}] = await farm.owner.query<{ id: string }>(
      `INSERT INTO tasks (id, kind, shot_version_id, start_frame, end_frame, state)
       VALUES (gen_random_uuid(), 'render', $1, 0, 10, 'accepted') RETURNING id`,
      [shot.shotVersionId],
    );
    const worker = await farm.addWorker();
    await farm.owner.query(
      `WITH lane AS (
         INSERT INTO lanes (id, worker_id, ordinal, host, capabilities, parity_class)
         VALUES (gen_random_uuid(), $1, 0, 'host', '{}', 'p') RETURNING id)
       INSERT INTO attempts (id, task_id, epoch, lane_id, state, expires_at, result)
       SELECT gen_random_uuid(), $2, 1, lane.id, 'reported', now() + interval '1 hour', jsonb_build_object('sha256', $3::text) FROM lane`,
      [worker.id, taskId, reported],
    );
    await farm.owner.query(`INSERT INTO segments (task_id, epoch, sha256, bytes, frames) VALUES ($1, 1, $2, 7, 10)`, [
      taskId,
      segment,
    ]);
    await farm.owner.query(
      `INSERT INTO deliveries (id, shot_version_id, state, sha256, bytes, frames)
       VALUES (gen_random_uuid(), $1, 'ready', $2, 8, 10)`,
      [shot.shotVersionId, delivery],
    );
    expect((await sweep.sweep(Date.now() + 2 * DAY_MS))?.orphans).toEqual([]);
    for (const sha256 of [segment, delivery, reported]) expect(await objects.stat(sha256)).not.toBeNull();
  });

  it('counts what rows name and is not there', async () => {
    const before = (await sweep.sweep(Date.now()))?.missing ?? [];
    // The fixture's identity image has no bytes; the plate has.
    expect(before).toContain(createHash('sha256').update(`identity ${shot.shotId}`).digest('hex'));
    expect(before).not.toContain(named);
    await objects.delete(named);
    expect((await sweep.sweep(Date.now()))?.missing).toEqual([...before, named].toSorted());
    const operator = await farm.addUser(['farm_operator']);
    const text = await (await farm.send('GET', '/metrics', { token: operator.token })).text();
    expect(text).toContain(`understudy_objects_missing ${before.length + 1}`);
  });
});
