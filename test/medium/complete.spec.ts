import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ShardsFarm } from './shards-farm.js';
import { revokeConsent } from './shot-fixture.js';

let farm: ShardsFarm;
beforeEach(async () => {
  farm = await ShardsFarm.start();
});
afterEach(async () => {
  await farm.stop();
  vi.restoreAllMocks();
});

/** Makes every insert into a table fail that matches, as the owner can. */
async function failInserts(table: string, when: string): Promise<void> {
  await farm.owner.query(
    `CREATE FUNCTION refuse_${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk broke'; END $$`,
  );
  await farm.owner.query(
    `CREATE TRIGGER refuse BEFORE INSERT ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION refuse_${table}()`,
  );
}

describe('a result', () => {
  it('is accepted once it was verified, and the last of a shot moves it on', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 2 });
    const lane = await farm.addLane();
    const first = await farm.claim(lane);
    const { result } = await farm.complete(lane, first);
    expect(await farm.task(first.taskId)).toMatchObject({ state: 'accepted', epoch: 1 });
    expect(await farm.attempt(first.attemptId)).toMatchObject({ state: 'accepted' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
    const segment = await farm.one(
      'SELECT epoch, sha256, frames, cardinality(frame_hashes) AS hashes FROM segments WHERE task_id = $1',
      [first.taskId],
    );
    expect(segment).toEqual({ epoch: 1, sha256: result.sha256, frames: 10, hashes: 10 });
    await farm.complete(lane, await farm.claim(lane));
    expect(await farm.shotState(shot.shotVersionId)).toBe('assembling');
    const intents = await farm.owner.query('SELECT stage, key FROM outbox');
    expect(intents).toEqual([{ stage: 'assemble', key: shot.shotVersionId }]);
    expect(await farm.told('attempt.accepted')).toBe(2);
  });

  it('is reported, not accepted, while it is verified', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const report = await farm.upload(lease);
    let seen: unknown;
    farm.verifyWith(async () => {
      seen = [await farm.task(lease.taskId), await farm.one('SELECT count(*)::int AS count FROM segments')];
    });
    await farm.completions.complete(lane.workerId, lease.attemptId, report);
    expect(seen).toMatchObject([{ state: 'reported' }, { count: 0 }]);
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'accepted' });
  });

  it('may be reported again, at once or later, and counts once', async () => {
    farm.acceptAnyBytes();
    await farm.addShot({ count: 2 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const report = await farm.upload(lease);
    const complete = async () => await farm.completions.complete(lane.workerId, lease.attemptId, report);
    await Promise.all([complete(), complete()]);
    await complete();
    expect(await farm.one('SELECT count(*)::int AS count FROM segments')).toEqual({ count: 1 });
    expect(await farm.told('attempt.accepted')).toBe(1);
    const other = { ...report, result: { ...report.result, sha256: '0'.repeat(64) } };
    const before = await farm.snapshot(lease.taskId);
    const again = farm.completions.complete(lane.workerId, lease.attemptId, other);
    await expect(again).rejects.toMatchObject({ code: 'STALE_EPOCH' });
    expect(await farm.snapshot(lease.taskId)).toEqual(before);
  });

  it('is nobody else’s to report', async () => {
    await farm.addShot({ count: 1 });
    const [lane, other] = await farm.addLanes(2);
    const lease = await farm.claim(lane!);
    const report = await farm.upload(lease);
    const complete = farm.completions.complete(other!.workerId, lease.attemptId, report);
    await expect(complete).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a stale epoch', () => {
  it('changes nothing: 409, written down, its upload dropped', async () => {
    farm.acceptAnyBytes();
    await farm.addShot({ count: 2 });
    const [slow, quick] = await farm.addLanes(2);
    const late = await farm.claim(slow!);
    const report = await farm.upload(late, 'late');
    await farm.runOut(late.attemptId);
    expect(await farm.sweep.sweep()).toBe(1);
    const current = await farm.claim(quick!);
    expect(current).toMatchObject({ taskId: late.taskId, epoch: 2 });
    await farm.upload(late, 'late again');

    const before = await farm.snapshot(late.taskId);
    const complete = async () => await farm.completions.complete(slow!.workerId, late.attemptId, report);
    await expect(complete()).rejects.toMatchObject({ code: 'STALE_EPOCH', status: 409 });
    expect(await farm.snapshot(late.taskId)).toEqual(before);
    expect(await farm.told('attempt.refused_stale', late.attemptId)).toBe(1);
    expect(await farm.objects.uploadOffset(late.attemptId)).toBe(0);

    await farm.complete(quick!, current);
    const accepted = await farm.snapshot(late.taskId);
    await expect(complete()).rejects.toMatchObject({ code: 'STALE_EPOCH' });
    expect(await farm.snapshot(late.taskId)).toEqual(accepted);
    expect(await farm.one('SELECT epoch FROM segments')).toEqual({ epoch: 2 });
  });

  it('is refused in every report', async () => {
    await farm.addShot({ count: 1 });
    const [slow, quick] = await farm.addLanes(2);
    const late = await farm.claim(slow!);
    await farm.runOut(late.attemptId);
    await farm.sweep.sweep();
    await farm.claim(quick!);
    const before = await farm.snapshot(late.taskId);
    const { workerId } = slow!;
    const failure = { code: 'INTERNAL', message: 'x', retryable: false } as const;
    for (const report of [
      () => farm.heartbeats.beat(workerId, late.attemptId, { epoch: 1, framesDone: 3 }),
      () => farm.ends.fail(workerId, late.attemptId, 1, failure),
      () => farm.ends.release(workerId, late.attemptId, 1, 'drain'),
      // The attempt is over even for whoever guesses the newest epoch.
      () => farm.heartbeats.beat(workerId, late.attemptId, { epoch: 2, framesDone: 3 }),
      () => farm.ends.fail(workerId, late.attemptId, 2, failure),
    ]) {
      await expect(report()).rejects.toMatchObject({ code: 'STALE_EPOCH' });
    }
    expect(await farm.snapshot(late.taskId)).toEqual(before);
  });

  it('cannot be brought back by anybody: epochs only grow', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    for (let epoch = 1; epoch <= 4; epoch += 1) {
      const lease = await farm.claim(lane);
      expect(lease.epoch).toBe(epoch);
      await farm.ends.release(lane.workerId, lease.attemptId, epoch, 'drain');
    }
    const back = farm.owner.query('UPDATE tasks SET epoch = 1 WHERE id = $1', [shot.taskIds[0]]);
    await expect(back).rejects.toThrow('cannot go from 4 back to 1');
  });
});

describe('consent at the completion', () => {
  it('refuses when a consent was withdrawn after the lease: the shot ends, nothing is accepted', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 3 });
    const [lane, other] = await farm.addLanes(2);
    await farm.complete(lane!, await farm.claim(lane!));
    const lease = await farm.claim(lane!);
    const running = await farm.claim(other!);
    const report = await farm.upload(lease);
    await revokeConsent(farm.owner, shot.plateConsentId);
    const complete = farm.completions.complete(lane!.workerId, lease.attemptId, report);
    await expect(complete).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('revoked');
    // What was accepted before is kept from everybody.
    expect(await farm.owner.query('SELECT quarantined_at IS NOT NULL AS quarantined FROM segments')).toEqual([
      { quarantined: true },
    ]);
    for (const id of shot.taskIds.slice(1)) expect(await farm.task(id)).toMatchObject({ state: 'cancelled' });
    // The other lane of the shot hears it, too.
    const orders = await farm.leases.orders(other!.workerId, other!.id, 0, new AbortController().signal);
    expect(orders).toEqual([{ attemptId: running.attemptId, epoch: 1, order: 'revoked' }]);
  });

  it('refuses when it was withdrawn while the result was verified', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const report = await farm.upload(lease);
    farm.verifyWith(async () => await revokeConsent(farm.owner, shot.identityConsentId));
    const complete = farm.completions.complete(lane.workerId, lease.attemptId, report);
    await expect(complete).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
    expect(await farm.one('SELECT count(*)::int AS count FROM segments')).toEqual({ count: 0 });
    expect(await farm.shotState(shot.shotVersionId)).toBe('revoked');
  });

  it('never waits in a ring with a revocation that holds the version and wants the consent', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const report = await farm.upload(lease);
    let complete: Promise<unknown>;
    await farm.owner.hotTransaction(async (sql) => {
      await sql.query('SELECT 1 FROM shot_versions WHERE id = $1 FOR NO KEY UPDATE', [shot.shotVersionId]);
      complete = farm.completions.complete(lane.workerId, lease.attemptId, report).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      await farm.untilWaiting();
      await revokeConsent(sql, shot.identityConsentId);
    });
    expect(await complete!).toMatchObject({ code: 'CONSENT_REVOKED' });
    expect(await farm.shotState(shot.shotVersionId)).toBe('revoked');
  });

  it('holds the consents until the result is accepted', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    let done: Promise<unknown>;
    await farm.owner.hotTransaction(async (sql) => {
      await sql.query('LOCK TABLE segments IN SHARE MODE');
      done = farm.complete(lane, lease);
      await farm.untilBlocked('segments');
      const revoke = farm.owner.hotTransaction(async (other) => {
        await other.query(`SET LOCAL lock_timeout = '200ms'`);
        await revokeConsent(other, shot.identityConsentId);
      });
      await expect(revoke).rejects.toThrow('lock timeout');
    });
    await done!;
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'accepted' });
  });
});

describe('all or nothing', () => {
  it('takes the acceptance and its audit event back when the next stage cannot be enqueued', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const report = await farm.upload(lease);
    await failInserts('outbox', 'true');
    const complete = async () => await farm.completions.complete(lane.workerId, lease.attemptId, report);
    await expect(complete()).rejects.toThrow('the disk broke');
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'reported' });
    expect(await farm.one('SELECT count(*)::int AS count FROM segments')).toEqual({ count: 0 });
    expect(await farm.told('attempt.accepted')).toBe(0);
    expect(await farm.told('shot.assembling')).toBe(0);
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
    await farm.owner.query('DROP TRIGGER refuse ON outbox');
    await complete();
    expect(await farm.shotState(shot.shotVersionId)).toBe('assembling');
    expect(await farm.told('attempt.accepted')).toBe(1);
  });

  it('accepts nothing that cannot be written down', async () => {
    farm.acceptAnyBytes();
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    await failInserts('audit_events', `NEW.action = 'attempt.accepted'`);
    await expect(farm.complete(lane, lease)).rejects.toThrow('the disk broke');
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'reported' });
    expect(await farm.one('SELECT count(*)::int AS count FROM segments')).toEqual({ count: 0 });
    expect(await farm.shotState(shot.shotVersionId)).toBe('rendering');
  });

  it('leases nothing that cannot be written down, and writes down no lease that is not given', async () => {
    const shot = await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    await failInserts('audit_events', `NEW.action = 'task.leased'`);
    await expect(farm.claim(lane)).rejects.toThrow('the disk broke');
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'pending', epoch: 0 });
    await farm.owner.query('DROP TRIGGER refuse ON audit_events');
    // Fails at commit, after the event was written.
    await farm.owner.query(
      `CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$`,
    );
    await farm.owner.query(
      'CREATE CONSTRAINT TRIGGER late AFTER INSERT ON attempts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()',
    );
    await expect(farm.claim(lane)).rejects.toThrow('too late');
    expect(await farm.task(shot.taskIds[0]!)).toMatchObject({ state: 'pending', epoch: 0 });
    expect(await farm.told('task.leased')).toBe(0);
  });
});
