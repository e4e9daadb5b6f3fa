import { MOST_FAILURES } from '@understudy/policy';
import type { ErrorCode } from '@understudy/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lane } from '../../apps/coordinator/src/shards/lane.js';
import { ShardsFarm } from './shards-farm.js';

let farm: ShardsFarm;
beforeEach(async () => {
  farm = await ShardsFarm.start({ HOST_PAUSE_SECONDS: '60' });
});
afterEach(() => farm.stop());

/** The lane takes what is next and fails it so. @returns the task's id */
async function fail(lane: Lane, code: ErrorCode, how: { retryable?: boolean; at?: string } = {}): Promise<string> {
  const { attemptId, epoch, taskId } = await farm.claim(lane);
  const { retryable = true, at } = how;
  const details = at === undefined ? {} : { details: { at } };
  await farm.ends.fail(lane.workerId, attemptId, epoch, { code, message: 'it failed', retryable, ...details });
  return taskId;
}

const due = async () => await farm.owner.query(`UPDATE tasks SET not_before = now() - interval '1 second'`);
const back = async () => await farm.owner.query(`UPDATE lanes SET set_aside_until = now() - interval '1 second'`);
const aside = async (lane: Lane) =>
  await farm.one<{ reason: string | null; seconds: number | null }>(
    `SELECT set_aside_reason AS reason, extract(epoch FROM set_aside_until - clock_timestamp())::float8 AS seconds
       FROM lanes WHERE id = $1`,
    [lane.id],
  );
/** Asks as the lane itself would. */
const ask = async (lane: Lane) => await farm.leases.lease(lane.workerId, lane.id, 0, new AbortController().signal);

describe('what a host lacks', () => {
  it.each<ErrorCode>(['DISK_FULL', 'FFMPEG_MISSING', 'MODEL_HASH_MISMATCH'])(
    '%s keeps work from all its lanes, and the shard goes to another host without a failure',
    async (code) => {
      await farm.addShot({ count: 2 });
      const lane = await farm.addLane();
      const beside = await farm.addLane({ beside: lane });
      const elsewhere = await farm.addLane();
      const taskId = await fail(lane, code);
      for (const one of [lane, beside]) {
        expect(await aside(one)).toMatchObject({ reason: code, seconds: expect.any(Number) });
        expect(await ask(one)).toBeNull();
      }
      expect(await aside(elsewhere)).toEqual({ reason: null, seconds: null });
      expect(await farm.task(taskId)).toMatchObject({ state: 'pending', failures: 0, errorCode: code });
      expect(await ask(elsewhere)).toMatchObject({ taskId });
      expect(await farm.told('lane.set_aside')).toBe(1);
    },
  );

  it('keeps a shot waiting where there is no other host, for as long as it takes', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const pauses: number[] = [];
    for (let n = 0; n < 2 * MOST_FAILURES; n += 1) {
      await fail(lane, 'DISK_FULL');
      pauses.push((await aside(lane)).seconds ?? 0);
      await back();
      await due();
    }
    expect(pauses[0]).toBeLessThanOrEqual(60);
    expect(pauses[1]).toBeGreaterThan(100);
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
    await farm.complete(lane, await farm.claim(lane));
    expect(await farm.shotState(shot.shotVersionId)).toBe('assembling');
    // What it made lets it begin anew.
    await farm.addShot({ count: 1 });
    await fail(lane, 'DISK_FULL');
    expect((await aside(lane)).seconds).toBeLessThanOrEqual(60);
  });
});

describe('a server that is away or full', () => {
  it('counts against nobody, and is waited for longer each time', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const pauses: number[] = [];
    for (let n = 0; n < 2 * MOST_FAILURES; n += 1) {
      const taskId = await fail(lane, 'DISK_FULL', { at: 'coordinator' });
      expect(await farm.task(taskId)).toMatchObject({ state: 'pending', failures: 0, errorCode: 'DISK_FULL' });
      const { pause } = await farm.one<{ pause: number }>(
        'SELECT extract(epoch FROM not_before - clock_timestamp())::float8 AS pause FROM tasks',
      );
      pauses.push(pause);
      await due();
    }
    expect(pauses[0]).toBeGreaterThan(4);
    expect(pauses[1]).toBeGreaterThan(25);
    expect(pauses[2]).toBeGreaterThan(170);
    expect(await aside(lane)).toEqual({ reason: null, seconds: null });
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
    expect(await farm.told('lane.set_aside')).toBe(0);
  });
});

describe('a medium that one lane cannot read', () => {
  const media = { retryable: false } as const;

  it('is read by another host, before that is believed', async () => {
    const shot = await farm.addShot({ count: 1, kind: 'analyse' });
    const lane = await farm.addLane();
    const beside = await farm.addLane({ beside: lane });
    const elsewhere = await farm.addLane();
    const taskId = await fail(lane, 'UNREADABLE_MEDIA', media);
    expect(await farm.task(taskId)).toMatchObject({ state: 'pending', failures: 1 });
    expect(await farm.claims.claim(beside), 'of the same host').toBeNull();
    await fail(elsewhere, 'UNREADABLE_MEDIA', media);
    expect(await farm.task(taskId)).toMatchObject({ state: 'failed', errorCode: 'UNREADABLE_MEDIA' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('failed');
  });

  it('is rendered by the other host that can', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 1 });
    const [lane, elsewhere] = await farm.addLanes(2);
    await fail(lane!, 'TRUNCATED_MEDIA', media);
    await farm.complete(elsewhere!, await farm.claim(elsewhere!));
    expect(await farm.shotState(shot.shotVersionId)).toBe('assembling');
  });

  it('is believed of two lanes where there is but one host, and of a lane alone the second time', async () => {
    await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const beside = await farm.addLane({ beside: lane });
    const taskId = await fail(lane, 'UNREADABLE_MEDIA', media);
    expect(await farm.task(taskId)).toMatchObject({ state: 'pending' });
    await fail(beside, 'UNREADABLE_MEDIA', media);
    expect(await farm.task(taskId)).toMatchObject({ state: 'failed' });
    await farm.owner.query(`UPDATE lanes SET state = 'lost' WHERE id = $1`, [beside.id]);
    await farm.addShot({ count: 1 });
    const alone = await fail(lane, 'UNREADABLE_MEDIA', media);
    await due();
    expect(await fail(lane, 'UNREADABLE_MEDIA', media)).toBe(alone);
    expect(await farm.task(alone)).toMatchObject({ state: 'failed' });
  });
});

describe('a lane that fails much', () => {
  /** Shots of one project, so many shards in all. */
  async function shots(count: number): Promise<void> {
    const { projectId } = await farm.addShot({ count: 1 });
    for (let n = 1; n < count; n += 1) await farm.addShot({ count: 1 }, { projectId });
  }

  it('is set aside though it makes every second shard, and forgiven when its time is over', async () => {
    farm.acceptAnyBytes();
    await shots(8);
    const [bad] = await farm.addLanes(2);
    for (let n = 0; n < 3; n += 1) {
      await fail(bad!, 'INTERNAL');
      if (n < 2) await farm.complete(bad!, await farm.claim(bad!));
    }
    const { reason, seconds } = await aside(bad!);
    expect(reason).toBe('INTERNAL');
    expect(seconds).toBeGreaterThan(500);
    expect(await ask(bad!)).toBeNull();
    await back();
    const lease = await ask(bad!);
    expect(lease).not.toBeNull();
    // What it failed before it was set aside is over.
    await farm.ends.fail(bad!.workerId, lease!.attemptId, lease!.epoch, {
      ...{ code: 'INTERNAL', message: 'it failed', retryable: true },
    });
    expect(await farm.told('lane.set_aside')).toBe(1);
  });

  it('is not set aside for failures that lie behind ten that went well', async () => {
    farm.acceptAnyBytes();
    await shots(14);
    const [lane] = await farm.addLanes(2);
    for (let n = 0; n < 2; n += 1) await fail(lane!, 'INTERNAL');
    for (let n = 0; n < 9; n += 1) await farm.complete(lane!, await farm.claim(lane!));
    await fail(lane!, 'INTERNAL');
    expect(await farm.told('lane.set_aside')).toBe(0);
  });

  it('goes on where the lanes beside it could not do its work: they are of another pool', async () => {
    await shots(3);
    const [lane, other] = await farm.addLanes(2);
    await farm.owner.query(`UPDATE shot_versions SET needs = '{"pool":"night"}'`);
    await farm.owner.query(`UPDATE lanes SET pools = '{night}' WHERE id = $1`, [lane!.id]);
    for (let n = 0; n < 3; n += 1) {
      const lease = await ask(lane!);
      await farm.ends.fail(lane!.workerId, lease!.attemptId, lease!.epoch, {
        ...{ code: 'INTERNAL', message: 'it failed', retryable: true },
      });
    }
    expect(await ask(other!)).toBeNull();
    expect(await farm.told('lane.set_aside')).toBe(0);
    // Nor does it stand back for them.
    await due();
    expect(await ask(lane!)).not.toBeNull();
  });
});
