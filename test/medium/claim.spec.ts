import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lease } from '@understudy/contracts';
import { ShardsFarm } from './shards-farm.js';
import { revokeConsent } from './shot-fixture.js';

let farm: ShardsFarm;
beforeEach(async () => {
  farm = await ShardsFarm.start();
});
afterEach(() => farm.stop());

describe('a claim', () => {
  it('gives 50 lanes that ask at once 20 tasks, each once', async () => {
    const shot = await farm.addShot({ count: 20 });
    // Of two kinds, so that two transactions go down the same queue.
    const lanes = [
      ...(await farm.addLanes(25)),
      ...(await Promise.all(Array.from({ length: 25 }, () => farm.addLane({ kinds: ['render'] })))),
    ];
    const leases = (await Promise.all(lanes.map(async (lane) => await farm.claims.claim(lane)))).filter(
      (lease) => lease !== null,
    );
    expect(leases).toHaveLength(20);
    expect(new Set(leases.map((lease) => lease.taskId))).toEqual(new Set(shot.taskIds));
    expect(leases.every((lease) => lease.epoch === 1)).toBe(true);
    const attempts = await farm.one('SELECT count(*)::int AS all, count(DISTINCT task_id)::int AS tasks FROM attempts');
    expect(attempts).toEqual({ all: 20, tasks: 20 });
    expect(await farm.told('task.leased')).toBe(20);
  });

  it('passes over a task whose row another claim holds, and does not wait for it', async () => {
    const shot = await farm.addShot({ count: 2 });
    const lane = await farm.addLane();
    const [held, free] = shot.taskIds;
    await farm.owner.hotTransaction(async (sql) => {
      await sql.query('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [held]);
      const claim = farm.claim(lane);
      const first = await Promise.race([claim.then(({ taskId }) => taskId), delay(5_000, 'still waits')]);
      expect(first).toBe(free);
    });
  });

  it('takes by priority, then what rendering waits for, then age and range', async () => {
    const render = await farm.addShot({ count: 2, priority: 50 });
    const { projectId } = render;
    const analyse = await farm.addShot({ count: 2, kind: 'analyse', priority: 50 }, { projectId });
    const urgent = await farm.addShot({ count: 1, priority: 90 });
    const lane = await farm.addLane();
    const order: string[] = [];
    for (let n = 0; n < 5; n += 1) order.push((await farm.claim(lane)).taskId);
    expect(order).toEqual([...urgent.taskIds, ...analyse.taskIds, ...render.taskIds]);
    expect(await farm.claims.claim(lane)).toBeNull();
  });

  it('sees the oldest work of a project behind all that has a higher priority, and gives it when it waited long enough', async () => {
    const low = await farm.addShot({ count: 1, priority: 40 });
    const { projectId } = low;
    for (let n = 0; n < 10; n += 1) await farm.addShot({ count: 1, priority: 60 }, { projectId });
    const young = await farm.addShot({ count: 1, priority: 40 }, { projectId });
    const lane = await farm.addLane();
    expect((await farm.claim(lane)).taskId).not.toBe(low.taskIds[0]);
    const age = async (hours: number) =>
      await farm.owner.query(
        `UPDATE tasks SET created_at = now() - make_interval(mins => $2) WHERE id = ANY ($1::uuid[])`,
        [[...low.taskIds, ...young.taskIds], hours * 60],
      );
    await age(0.9);
    expect((await farm.claim(lane)).taskId).not.toBe(low.taskIds[0]);
    await age(1.1);
    expect([...low.taskIds, ...young.taskIds]).toContain((await farm.claim(lane)).taskId);
  });

  it('remembers when a project was last given a lane, and makes no claim wait for that', async () => {
    const shot = await farm.addShot({ count: 3 });
    const lane = await farm.addLane();
    const servedAt = async () =>
      (await farm.one<{ at: Date | null }>('SELECT served_at AS at FROM projects WHERE id = $1', [shot.projectId])).at;
    await farm.owner.hotTransaction(async (sql) => {
      await sql.query('SELECT 1 FROM projects WHERE id = $1 FOR NO KEY UPDATE', [shot.projectId]);
      expect(await Promise.race([farm.claim(lane), delay(5_000, null)])).not.toBeNull();
    });
    expect(await servedAt()).toBeNull();
    await farm.claim(lane);
    const first = await servedAt();
    expect(Math.abs(first!.getTime() - Date.now())).toBeLessThan(60_000);
    await farm.claim(lane);
    expect(await servedAt()).toEqual(first);
  });

  it('gives a lane only kinds that it can do, and tasks of shots that are at that step', async () => {
    await farm.addShot({ count: 1 });
    await farm.addShot({ count: 1, kind: 'render' }, { state: 'held' });
    await farm.addShot({ count: 1, kind: 'analyse' }, { state: 'cancelled' });
    const analyst = await farm.addLane({ kinds: ['analyse'] });
    expect(await farm.claims.claim(analyst)).toBeNull();
    const lane = await farm.addLane();
    expect((await farm.claim(lane)).kind).toBe('render');
    expect(await farm.claims.claim(lane)).toBeNull();
  });

  it('pins the parity class of the first lane that renders, for every lane after it', async () => {
    const shot = await farm.addShot({ count: 3 });
    const [first, other, like] = [await farm.addLane(), await farm.addLane({ provider: 'cuda' }), await farm.addLane()];
    await farm.claim(first);
    expect(await farm.claims.claim(other)).toBeNull();
    expect((await farm.claim(like)).kind).toBe('render');
    const { pinned } = await farm.one<{ pinned: string }>(
      'SELECT parity_class AS pinned FROM shot_versions WHERE id = $1',
      [shot.shotVersionId],
    );
    expect(pinned).toBe(first.parityClass);
  });

  it('gives one parity class to a shot when lanes of two ask at once', async () => {
    await farm.addShot({ count: 12 });
    const lanes = [
      ...(await Promise.all(Array.from({ length: 6 }, async () => await farm.addLane()))),
      ...(await Promise.all(Array.from({ length: 6 }, async () => await farm.addLane({ provider: 'cuda' })))),
    ];
    await Promise.all(lanes.map(async (lane) => await farm.claims.claim(lane)));
    const { classes, attempts } = await farm.one<{ classes: number; attempts: number }>(
      `SELECT count(DISTINCT l.parity_class)::int AS classes, count(*)::int AS attempts
       FROM attempts a JOIN lanes l ON l.id = a.lane_id`,
    );
    expect(attempts).toBeGreaterThan(0);
    expect(classes).toBe(1);
  });

  it('names just what the lane needs', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    expect(lease).toMatchObject({
      kind: 'render',
      epoch: 1,
      startFrame: 0,
      endFrame: 10,
      shotVersionId: shot.shotVersionId,
      plate: { source: { sha256: shot.plateSha256, bytes: 1000 } },
      cast: [{ cast: 0, tracks: [0], identityImages: [{ bytes: 1000 }] }],
      upload: { url: `/api/v1/attempts/${lease.attemptId}/result?epoch=1` },
    });
    const { consentIds, lease_s } = await farm.one<{ consentIds: string[]; lease_s: number }>(
      `SELECT consent_ids AS "consentIds", extract(epoch FROM expires_at - leased_at)::int AS lease_s FROM attempts`,
    );
    expect(new Set(consentIds)).toEqual(new Set([shot.identityConsentId, shot.plateConsentId]));
    expect(lease_s).toBe(10);
  });
});

describe('consent at the lease', () => {
  it.each(['identityConsentId', 'plateConsentId'] as const)(
    'refuses when %s was revoked: the shot ends',
    async (side) => {
      const shot = await farm.addShot({ count: 3 });
      const other = await farm.addShot({ count: 1, priority: 1 });
      await revokeConsent(farm.owner, shot[side]);
      const lane = await farm.addLane();
      const lease = await farm.claim(lane);
      expect(lease.taskId).toBe(other.taskIds[0]);
      expect(await farm.shotState(shot.shotVersionId)).toBe('revoked');
      const row = await farm.one<{ code: string; reasons: unknown }>(
        `SELECT error_code AS code, error_details->'reasons' AS reasons FROM shot_versions WHERE id = $1`,
        [shot.shotVersionId],
      );
      expect(row.code).toBe('CONSENT_REVOKED');
      const role = side === 'identityConsentId' ? 'identity' : 'plate';
      expect(row.reasons).toMatchObject([{ cast: 0, role, consentId: shot[side], reasons: ['CONSENT_REVOKED'] }]);
      for (const id of shot.taskIds) expect(await farm.task(id)).toMatchObject({ state: 'cancelled', epoch: 0 });
      expect(await farm.told('shot.revoked', shot.shotVersionId)).toBe(1);
    },
  );

  it('refuses out of scope, expired and suspended consents, with every reason', async () => {
    const lane = await farm.addLane();
    const expired = await farm.addShot(
      { count: 1 },
      { scope: { validUntil: new Date(Date.now() - 1000).toISOString(), operations: ['anonymise'] } },
    );
    const suspended = await farm.addShot({ count: 1 });
    await revokeConsent(farm.owner, suspended.plateConsentId, 'suspended');
    expect(await farm.claims.claim(lane)).toBeNull();
    const reasonsOf = async (shotVersionId: string) =>
      (
        await farm.one<{ reasons: { reasons: string[] }[] }>(
          `SELECT error_details->'reasons' AS reasons FROM shot_versions WHERE id = $1`,
          [shotVersionId],
        )
      ).reasons.map((refusal) => refusal.reasons);
    const both = ['CONSENT_EXPIRED', 'OPERATION_OUT_OF_SCOPE'];
    expect(await reasonsOf(expired.shotVersionId)).toEqual([both, both]);
    expect(await reasonsOf(suspended.shotVersionId)).toEqual([['CONSENT_SUSPENDED']]);
    expect(await farm.one('SELECT count(*)::int AS count FROM attempts')).toEqual({ count: 0 });
  });

  it('does not lease past a revocation that is just being made, nor wait for it', async () => {
    const shot = await farm.addShot({ count: 1 });
    const other = await farm.addShot({ count: 1, priority: 1 });
    const lane = await farm.addLane();
    await farm.owner.hotTransaction(async (sql) => {
      await revokeConsent(sql, shot.identityConsentId);
      expect((await farm.claim(lane)).taskId).toBe(other.taskIds[0]);
      expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'pending', epoch: 0 });
    });
    expect(await farm.claims.claim(lane)).toBeNull();
    expect(await farm.shotState(shot.shotVersionId)).toBe('revoked');
  });

  it('holds the consents until the lease is given: a revocation comes before it or after', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    let claim: Promise<Lease>;
    await farm.owner.hotTransaction(async (sql) => {
      // The claim has evaluated the consents and stops before it writes the attempt.
      await sql.query('LOCK TABLE attempts IN SHARE MODE');
      claim = farm.claim(lane);
      await farm.untilBlocked('attempts');
      const revoke = farm.owner.hotTransaction(async (other) => {
        await other.query(`SET LOCAL lock_timeout = '200ms'`);
        await revokeConsent(other, shot.identityConsentId);
      });
      await expect(revoke).rejects.toThrow('lock timeout');
    });
    expect((await claim!).taskId).toBe(shot.taskIds[0]);
  });
});

describe('a held request', () => {
  it('is answered as soon as there is work', async () => {
    await farm.listen();
    const lane = await farm.addLane();
    const asked = farm.leases.lease(lane.workerId, lane.id, 20, new AbortController().signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const startedAt = performance.now();
    const shot = await farm.addShot({ count: 1 });
    const lease = await asked;
    expect(lease?.taskId).toBe(shot.taskIds[0]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('ends with nothing when its time is over or nobody listens any more', async () => {
    const lane = await farm.addLane();
    expect(await farm.leases.lease(lane.workerId, lane.id, 0, new AbortController().signal)).toBeNull();
    const gone = new AbortController();
    const asked = farm.leases.lease(lane.workerId, lane.id, 25, gone.signal);
    gone.abort();
    expect(await asked).toBeNull();
    await farm.addShot({ count: 1 });
    expect(await farm.leases.lease(lane.workerId, lane.id, 5, gone.signal)).toBeNull();
    expect(await farm.one('SELECT count(*)::int AS count FROM attempts')).toEqual({ count: 0 });
  });

  it('is refused for the lane of another worker', async () => {
    const [lane, other] = await farm.addLanes(2);
    const asked = farm.leases.lease(other!.workerId, lane!.id, 0, new AbortController().signal);
    await expect(asked).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
