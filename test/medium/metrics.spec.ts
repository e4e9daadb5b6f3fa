import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AttemptEnds } from '../../apps/coordinator/src/shards/attempt-ends.js';
import { TestCoordinator, type TestPerson } from './coordinator.js';
import { addLane, addWork, clearLine, lease } from './line.js';

let farm: TestCoordinator;
let operator: TestPerson;
beforeAll(async () => {
  farm = await TestCoordinator.start();
  operator = await farm.addUser(['farm_operator']);
});
afterAll(() => farm.stop());
beforeEach(() => clearLine(farm));

describe('metrics', () => {
  const value = (text: string, line: string): number =>
    Number(
      text
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')
        .at(-1) ?? 0,
    );
  const scrape = async () => await (await farm.send('GET', '/metrics', { token: operator.token })).text();

  it('count leases, what was taken and what was refused, by reason; and tell what waits', async () => {
    const lane = await addLane(farm);
    const before = await scrape();
    const shot = await addWork(farm, { count: 2 });
    const leased = (await lease(farm, lane))!;
    const beat = async (epoch: number) =>
      await farm.call('heartbeatAttempt', lane.worker.token, {
        params: { attemptId: leased.attemptId },
        body: { epoch, framesDone: 1 },
      });
    expect((await beat(leased.epoch)).status).toBe(200);
    expect((await beat(leased.epoch + 1)).status).toBe(409);
    await farm.app.get(AttemptEnds, { strict: false }).release(lane.worker.id, leased.attemptId, leased.epoch, 'drain');
    const late = { epoch: leased.epoch, result: { sha256: 'a'.repeat(64), bytes: 1, frames: 10 }, timingsMs: {} };
    const refused = await farm.call('completeAttempt', lane.worker.token, {
      params: { attemptId: leased.attemptId },
      body: late,
    });
    expect(refused.status).toBe(409);
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    const after = await scrape();
    const moved = (line: string): number => value(after, line) - value(before, line);
    expect(moved('understudy_claims_total{outcome="lease",kind="render"}')).toBe(1);
    expect(moved('understudy_reports_total{report="heartbeat",outcome="taken"}')).toBe(1);
    expect(moved('understudy_reports_total{report="heartbeat",outcome="STALE_EPOCH"}')).toBe(1);
    expect(moved('understudy_reports_total{report="complete",outcome="STALE_EPOCH"}')).toBe(1);
    expect(moved('understudy_claim_seconds_count')).toBe(1);
    expect(value(after, `understudy_tasks{project="${shot.projectId}",kind="render",state="pending"}`)).toBe(2);
    expect(value(after, 'understudy_lanes_wanted')).toBe(2);
    expect(value(after, 'understudy_lanes{state="idle"}')).toBe(1);
  });

  it('count what was refused before anybody looked into it, once each, and uploads', async () => {
    const lane = await addLane(farm);
    await addWork(farm, { count: 1 });
    const leased = (await lease(farm, lane))!;
    const before = await scrape();
    const of = (part: string) => `/api/v1/attempts/${leased.attemptId}/${part}`;
    const { token } = lane.worker;
    expect((await farm.send('POST', of('heartbeat'), { token, body: { epoch: 'first' } })).status).toBe(400);
    expect((await farm.send('POST', of('complete'), { body: {} })).status).toBe(401);
    expect((await farm.send('POST', of('release'), { token: operator.token, body: {} })).status).toBe(403);
    expect(
      (await farm.send('POST', `/api/v1/lanes/${lane.id}/lease`, { token: operator.token, body: {} })).status,
    ).toBe(403);
    const put = async (epoch: number) =>
      (await farm.send('PUT', `${of('result')}?epoch=${epoch}&offset=0`, { token, body: Buffer.from('bytes') })).status;
    expect(await put(leased.epoch)).toBeLessThan(300);
    expect(await put(leased.epoch + 1)).toBe(409);
    const after = await scrape();
    const moved = (line: string): number => value(after, line) - value(before, line);
    const reports = (report: string, outcome: string) =>
      moved(`understudy_reports_total{report="${report}",outcome="${outcome}"}`);
    expect(reports('heartbeat', 'INVALID_REQUEST')).toBe(1);
    expect(reports('complete', 'UNAUTHENTICATED')).toBe(1);
    expect(reports('release', 'FORBIDDEN')).toBe(1);
    expect(moved('understudy_claims_total{outcome="FORBIDDEN",kind="none"}')).toBe(1);
    expect([reports('upload', 'taken'), reports('upload', 'STALE_EPOCH')]).toEqual([1, 1]);
  });

  it('do not want lanes for what is paused', async () => {
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    const shot = await addWork(farm, { count: 3 });
    await farm.owner.query('UPDATE shot_versions SET paused_at = now() WHERE id = $1', [shot.shotVersionId]);
    await addWork(farm, { count: 1 });
    const text = await scrape();
    expect(value(text, 'understudy_lanes_wanted')).toBe(1);
    expect(value(text, `understudy_tasks{project="${shot.projectId}",kind="render",state="held"}`)).toBe(3);
    expect(value(text, `understudy_tasks{project="${shot.projectId}",kind="render",state="pending"}`)).toBe(0);
  });

  it('are for whoever runs the farm', async () => {
    const producer = await farm.addMember(await farm.addProject(), 'producer');
    expect((await farm.send('GET', '/metrics', { token: producer.token })).status).toBe(403);
    expect((await farm.send('GET', '/metrics')).status).toBe(401);
  });
});
