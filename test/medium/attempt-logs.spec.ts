import { ATTEMPT_LOG, type LogLine } from '@understudy/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AttemptLogRetention } from '../../apps/coordinator/src/attempt-logs/attempt-log-retention.js';
import { TaskWriter } from '../../apps/coordinator/src/shards/task-writer.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { capabilities } from './shards-farm.js';
import { addShot, type ShotFixture, tasksOf } from './shot-fixture.js';

let farm: TestCoordinator;
let operator: TestPerson;
let worker: TestPerson;
let laneId: string;
let shot: ShotFixture;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  operator = await farm.addUser(['farm_operator']);
  worker = await farm.addWorker();
  const body = { ordinal: 0, host: 'host', capabilities: capabilities() };
  laneId = (await farm.call('registerLane', worker.token, { body })).body.laneId;
  shot = await addShot(farm.owner);
  await farm.runtime.hotTransaction(async (sql) => {
    await farm.app.get(TaskWriter, { strict: false }).create(sql, tasksOf(shot, { count: 3 }));
  });
});
afterAll(() => farm.stop());

async function lease() {
  const { body } = await farm.call('leaseTask', worker.token, { params: { laneId }, body: { waitSeconds: 0 } });
  if (body.lease === null || body.lease.kind !== 'render') throw new Error('there was nothing to lease');
  return body.lease;
}

const line = (message: string, fields: LogLine['fields'] = {}): LogLine => ({
  at: new Date().toISOString(),
  level: 'info',
  message,
  fields,
});

async function append(
  of: { attemptId: string; epoch: number },
  part: number,
  firstLine: number,
  lines: LogLine[],
  token = worker.token,
) {
  const body = { epoch: of.epoch, part, firstLine, lines };
  return await farm.call('appendAttemptLog', token, { params: { attemptId: of.attemptId }, body });
}

async function logs(query: Record<string, string> = {}, who = operator) {
  return (await farm.call('listShotLogs', who.token, { params: { shotId: shot.shotId }, query })).body;
}

async function logOf({ attemptId }: { attemptId: string }) {
  const found = (await logs()).items.find((one) => one.attemptId === attemptId);
  if (found === undefined) throw new Error('the attempt has no log');
  return found;
}

let talkative: Awaited<ReturnType<typeof lease>>;

describe('the logs of attempts', () => {
  it('grow, are found by shard, attempt and text, and stay when the attempt has failed', async () => {
    const first = await lease();
    await append(first, 0, 1, [line('attempt begins')]);
    await append(first, 0, 1, [line('attempt begins'), line('attempt failed', { stderr: 'Decoder exploded' })]);
    // An answer was lost, and an older state of the part comes again.
    await append(first, 0, 1, [line('attempt begins')]);
    const failure = { code: 'FFMPEG_FAILED', message: 'ffmpeg ended', retryable: true } as const;
    const params = { attemptId: first.attemptId };
    await farm.call('failAttempt', worker.token, { params, body: { epoch: first.epoch, ...failure } });
    await append(first, 1, 3, [line('attempt ended')]);
    const second = await lease();
    await append(second, 0, 1, [line('attempt begins')]);
    const { items } = await logs();
    expect(items.map(({ shard, epoch, state, lane, startFrame }) => [shard, epoch, state, lane, startFrame])).toEqual([
      [1, 1, 'failed', 'host/0', 0],
      [2, 1, 'running', 'host/0', 10],
    ]);
    expect(items[0]).toMatchObject({ attemptId: first.attemptId, cutLines: 0, error: 'ffmpeg ended' });
    expect(items[0]?.lines.map(({ line: number, message }) => [number, message])).toEqual([
      [1, 'attempt begins'],
      [2, 'attempt failed'],
      [3, 'attempt ended'],
    ]);
    expect((await logs({ shard: '2' })).items.map(({ attemptId }) => attemptId)).toEqual([second.attemptId]);
    expect((await logs({ attempt: '2' })).items).toEqual([]);
    const found = await logs({ grep: 'decoder EXPLODED' });
    expect(found.items.map(({ lines }) => lines.map(({ message }) => message))).toEqual([['attempt failed']]);
    const since = items[1]?.changedAt as string;
    expect((await logs({ since })).items).toEqual([]);
    await append(second, 0, 1, [line('attempt begins'), line('work done')]);
    expect((await logs({ since })).items.map(({ attemptId }) => attemptId)).toEqual([second.attemptId]);
    const page = await logs({ limit: '1' });
    expect(page.items).toHaveLength(1);
    const next = await logs({ limit: '1', cursor: page.next as string });
    expect([next.items[0]?.attemptId, next.next]).toEqual([second.attemptId, null]);
  });

  it('keep the first parts and the last, whatever a lane sends, and tell how much was cut', async () => {
    const third = (talkative = await lease());
    const { headParts, tailParts } = ATTEMPT_LOG;
    for (let part = 0; part < 20; part++) await append(third, part, part * 2 + 1, [line(`a ${part}`), line('b')]);
    await append(third, 5, 11, [line('late'), line('b'), line('and longer')]);
    const log = await logOf(third);
    expect(log.lines).toHaveLength((headParts + tailParts) * 2);
    expect(log.cutLines).toBe((20 - headParts - tailParts) * 2);
    expect(log.lines.at(-1)?.line).toBe(40);
    const tooLong = await append(
      third,
      20,
      41,
      Array.from({ length: 12 }, () => line('x', { long: 'x'.repeat(8000) })),
    );
    expect(tooLong.status).toBe(413);
  });

  it("are taken from the attempt's own worker alone, and under its epoch", async () => {
    const log = await logOf(talkative);
    const other = await farm.addWorker();
    expect((await append(log, 30, 99, [line('mine?')], other.token)).status).toBe(404);
    expect((await append({ ...log, epoch: 7 }, 30, 99, [line('later')])).status).toBe(404);
    expect((await append({ ...log, attemptId: shot.shotId }, 0, 1, [line('whose?')])).status).toBe(404);
    expect((await logOf(talkative)).lines).toEqual(log.lines);
  });

  it('are shown to whoever runs the work, and to nobody else', async () => {
    for (const [role, status] of [
      ['producer', 200],
      ['artist', 200],
      ['consent_officer', 403],
      ['compliance_auditor', 403],
    ] as const) {
      const person = await farm.addUser();
      await farm.grant(shot.projectId, person.id, role);
      const { status: got } = await farm.call('listShotLogs', person.token, { params: { shotId: shot.shotId } });
      expect(got, role).toBe(status);
    }
    const elsewhere = await farm.addUser();
    await farm.grant((await addShot(farm.owner)).projectId, elsewhere.id, 'producer');
    expect((await farm.call('listShotLogs', elsewhere.token, { params: { shotId: shot.shotId } })).status).toBe(404);
  });

  it('are forgotten when their time is up', async () => {
    const retention = farm.app.get(AttemptLogRetention, { strict: false });
    expect(await retention.sweep()).toBe(0);
    await farm.owner.query(`UPDATE attempt_logs SET changed_at = now() - interval '31 days' WHERE part = 0`);
    expect(await retention.sweep()).toBe(3);
    expect((await logOf(talkative)).cutLines).toBe((20 - ATTEMPT_LOG.headParts - ATTEMPT_LOG.tailParts) * 2 + 2);
  });
});
