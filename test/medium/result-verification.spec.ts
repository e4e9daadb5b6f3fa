import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { UnderstudyError } from '@understudy/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { templateOf } from './fake-lane.js';
import { ShardsFarm } from './shards-farm.js';

let farm: ShardsFarm;
beforeEach(async () => {
  farm = await ShardsFarm.start();
});
afterEach(async () => {
  await farm.stop();
  vi.restoreAllMocks();
});

describe('verification', () => {
  const embedding = templateOf(3).toString('base64');
  const template = { format: 'understudy-template/1', template: embedding, recogniser: 'r', quality: 1 };
  const enrolled = (bytes: Buffer) => Buffer.from(JSON.stringify({ ...template, template: bytes.toString('base64') }));
  const table = (startFrame: number, endFrame: number) =>
    gzipSync(
      JSON.stringify({
        format: 'understudy-observations/1',
        startFrame,
        endFrame,
        recogniser: 'r',
        frames: Array.from({ length: endFrame - startFrame }, () => []),
      }),
    );

  async function complete(kind: 'enrol' | 'analyse', content: Buffer, change: Record<string, unknown> = {}) {
    await farm.addShot({ count: 1, kind });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const frames = lease.kind === 'enrol' ? 0 : lease.endFrame - lease.startFrame;
    await farm.uploadBytes(lease, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const result = { sha256, bytes: content.length, frames, ...change };
    const report = { epoch: 1, result, timingsMs: {} };
    const error = await farm.completions.complete(lane.workerId, lease.attemptId, report).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { error, lease, task: await farm.task(lease.taskId), attempt: await farm.attempt(lease.attemptId) };
  }

  it('accepts a template and a table of faces of the right range', async () => {
    const enrolled = await complete('enrol', Buffer.from(JSON.stringify(template)));
    expect(enrolled).toMatchObject({ error: undefined, task: { state: 'accepted' } });
    expect(await farm.owner.query('SELECT stage FROM outbox')).toEqual([{ stage: 'template' }]);
    const analysed = await complete('analyse', table(0, 10));
    expect(analysed).toMatchObject({ error: undefined, task: { state: 'accepted' } });
  });

  it.each([
    [
      'bytes that do not hash to what was said',
      'enrol',
      Buffer.from(JSON.stringify(template)),
      { sha256: '1'.repeat(64) },
      'UPLOAD_MISMATCH',
    ],
    [
      'fewer bytes than were said',
      'enrol',
      Buffer.from(JSON.stringify(template)),
      { bytes: 1_000_000 },
      'UPLOAD_MISMATCH',
    ],
    ['what is no template', 'enrol', Buffer.from('{"format":"other"}'), {}, 'SEGMENT_INVALID'],
    ['a template of nobody, all zeroes', 'enrol', enrolled(Buffer.alloc(2048)), {}, 'SEGMENT_INVALID'],
    ['a template of too few numbers', 'enrol', enrolled(templateOf(3).subarray(0, 2044)), {}, 'SEGMENT_INVALID'],
    ['a template of no numbers', 'enrol', enrolled(Buffer.alloc(2048, 0xff)), {}, 'SEGMENT_INVALID'],
    ['a table of another range', 'analyse', table(10, 20), {}, 'SEGMENT_INVALID'],
    ['another number of frames', 'analyse', table(0, 10), { frames: 9 }, 'SEGMENT_INVALID'],
    ['what does not unzip', 'analyse', Buffer.from('nonsense'), {}, 'SEGMENT_INVALID'],
  ] as const)('rejects %s and lets another try', async (_, kind, content, change, code) => {
    const { error, lease, task, attempt } = await complete(kind, content, change);
    expect(error).toMatchObject({ code });
    expect(task).toMatchObject({ state: 'pending', failures: 1 });
    expect(attempt).toMatchObject({ state: 'rejected' });
    expect(await farm.told('attempt.rejected', lease.attemptId)).toBe(1);
  });

  it('blames no lane when the coordinator itself is in trouble', async () => {
    await farm.addShot({ count: 1 });
    const lane = await farm.addLane();
    const lease = await farm.claim(lane);
    const report = await farm.upload(lease);
    farm.verifyWith(async () => {
      throw new UnderstudyError('DISK_FULL', 'full');
    });
    const trouble = farm.completions.complete(lane.workerId, lease.attemptId, report);
    await expect(trouble).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'reported', failures: 0 });
    farm.acceptAnyBytes();
    await farm.completions.complete(lane.workerId, lease.attemptId, report);
    expect(await farm.task(lease.taskId)).toMatchObject({ state: 'accepted' });
  });
});
