import * as fc from 'fast-check';
import type { CompleteAttempt, Lease } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Lane } from '../../apps/coordinator/src/shards/lane.js';
import { ShardsFarm } from './shards-farm.js';
import { revokeConsent } from './shot-fixture.js';

const LANES = 3;
const TASKS = 3;

let farm: ShardsFarm;
let lanes: Lane[];
beforeAll(async () => {
  farm = await ShardsFarm.start();
  farm.acceptAnyBytes();
  lanes = await farm.addLanes(LANES);
});
afterAll(async () => {
  await farm.stop();
  vi.restoreAllMocks();
});

type Act =
  | { act: 'lease'; lane: number }
  | { act: 'heartbeat' | 'complete' | 'runOut' | 'fail' | 'release'; attempt: number }
  | { act: 'sweep' }
  | { act: 'requeue' }
  | { act: 'cancel' }
  | { act: 'revoke' };

const ofAttempt = (act: 'heartbeat' | 'complete' | 'runOut' | 'fail' | 'release') =>
  fc.record({ act: fc.constant(act), attempt: fc.nat(20) });
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ act: fc.constant('lease' as const), lane: fc.nat(LANES - 1) }) },
  { weight: 8, arbitrary: ofAttempt('complete') },
  { weight: 6, arbitrary: ofAttempt('runOut') },
  { weight: 8, arbitrary: fc.constant({ act: 'sweep' as const }) },
  { weight: 3, arbitrary: fc.constant({ act: 'requeue' as const }) },
  { weight: 2, arbitrary: ofAttempt('heartbeat') },
  { weight: 1, arbitrary: ofAttempt('fail') },
  { weight: 1, arbitrary: ofAttempt('release') },
  { weight: 1, arbitrary: fc.constantFrom({ act: 'cancel' as const }, { act: 'revoke' as const }) },
);
/** Batches in turn; what is in one batch happens at once. */
const anyHistory = fc.array(fc.array(anyAct, { minLength: 1, maxLength: 4 }), { minLength: 6, maxLength: 24 });

interface Given {
  readonly lane: Lane;
  readonly lease: Lease;
  /** Made and uploaded once, however often it is reported. */
  report?: Promise<CompleteAttempt>;
}

interface TaskFacts {
  id: string;
  epoch: number;
  state: string;
  newest: number;
  live: number;
  accepted: number;
  segments: number;
  segmentEpoch: number | null;
  acceptedEpoch: number | null;
}

const FACTS = `
  SELECT t.id, t.epoch, t.state::text AS state,
         coalesce((SELECT max(a.epoch) FROM attempts a WHERE a.task_id = t.id), 0)::int AS newest,
         (SELECT count(*) FROM attempts a WHERE a.task_id = t.id AND a.state IN ('running', 'reported'))::int AS live,
         (SELECT count(*) FROM attempts a WHERE a.task_id = t.id AND a.state = 'accepted')::int AS accepted,
         (SELECT max(a.epoch) FROM attempts a WHERE a.task_id = t.id AND a.state = 'accepted') AS "acceptedEpoch",
         (SELECT count(*) FROM segments s WHERE s.task_id = t.id)::int AS segments,
         (SELECT max(s.epoch) FROM segments s WHERE s.task_id = t.id) AS "segmentEpoch"
  FROM tasks t WHERE t.shot_version_id = $1 ORDER BY t.start_frame`;

/** One shot through one history. */
class History {
  readonly given: Given[] = [];
  /** Attempts whose end was over before a batch began: a report of theirs must be refused from then on. */
  over = new Set<string>();
  closed = false;
  #facts: TaskFacts[] = [];

  constructor(private readonly shot: Awaited<ReturnType<ShardsFarm['addShot']>>) {}

  async run(batches: Act[][]): Promise<void> {
    for (const batch of batches) {
      const closedBefore = this.closed;
      await Promise.all(batch.map(async (act) => await this.#do(act)));
      await this.#check(closedBefore);
    }
    await farm.database.hotTransaction(async (sql) => await farm.tasks.cancelOf(sql, this.shot.shotVersionId, 'stop'));
  }

  async #do(act: Act): Promise<void> {
    if (act.act === 'lease') return await this.#lease(lanes[act.lane]!);
    if (act.act === 'sweep') return void (await farm.sweep.sweep());
    if (act.act === 'requeue') return await this.#requeue();
    if (act.act === 'cancel') {
      await farm.database.hotTransaction(async (sql) => {
        await sql.query(`UPDATE shot_versions SET state = 'cancelled' WHERE id = $1`, [this.shot.shotVersionId]);
        await farm.tasks.cancelOf(sql, this.shot.shotVersionId, 'stop');
      });
      this.closed = true;
      return;
    }
    if (act.act === 'revoke') {
      await revokeConsent(farm.owner, this.shot.identityConsentId);
      this.closed = true;
      return;
    }
    const of = this.given[act.attempt % Math.max(1, this.given.length)];
    if (of !== undefined) await this.#report(act.act, of);
  }

  /** Whatever waits for its next try is due now. */
  async #requeue(): Promise<void> {
    await farm.owner.query(`UPDATE tasks SET not_before = now() WHERE shot_version_id = $1 AND state = 'pending'`, [
      this.shot.shotVersionId,
    ]);
  }

  async #lease(lane: Lane): Promise<void> {
    const lease = await farm.claims.claim(lane);
    if (lease !== null) this.given.push({ lane, lease });
  }

  async #report(act: 'heartbeat' | 'complete' | 'runOut' | 'fail' | 'release', of: Given): Promise<void> {
    const { workerId } = of.lane;
    const { attemptId, epoch } = of.lease;
    if (act === 'runOut') return await farm.runOut(attemptId);
    const wasOver = this.over.has(attemptId);
    try {
      if (act === 'heartbeat') await farm.heartbeats.beat(workerId, attemptId, { epoch, framesDone: 1 });
      if (act === 'fail') {
        await farm.ends.fail(workerId, attemptId, epoch, { code: 'INTERNAL', message: 'x', retryable: true });
      }
      if (act === 'release') await farm.ends.release(workerId, attemptId, epoch, 'drain');
      if (act === 'complete')
        await farm.completions.complete(workerId, attemptId, await (of.report ??= farm.upload(of.lease)));
      expect(wasOver, `${act} of an attempt that was over`).toBe(false);
    } catch (thrown) {
      if (!(thrown instanceof UnderstudyError)) throw thrown;
      expect(['STALE_EPOCH', 'CANCELLED', 'CONSENT_REVOKED', 'UPLOAD_MISMATCH']).toContain(thrown.code);
      if (wasOver) expect(thrown.code).toBe('STALE_EPOCH');
    }
  }

  async #check(closedBefore: boolean): Promise<void> {
    const before = new Map(this.#facts.map((facts) => [facts.id, facts]));
    this.#facts = await farm.owner.query<TaskFacts>(FACTS, [this.shot.shotVersionId]);
    for (const task of this.#facts) {
      const was = before.get(task.id);
      expect(task.epoch).toBe(task.newest);
      expect(task.epoch).toBeGreaterThanOrEqual(was?.epoch ?? 0);
      expect(task.live).toBeLessThanOrEqual(1);
      expect(task.accepted).toBeLessThanOrEqual(1);
      expect(task.segments).toBe(task.accepted);
      expect(task.segmentEpoch).toBe(task.acceptedEpoch);
      expect(task.state === 'accepted').toBe(task.accepted === 1);
      if (was?.state === 'accepted') expect(task).toEqual(was);
      // Once the shot was closed no lease is given and no result accepted.
      // Nothing is accepted without consent, whatever came together in one batch.
      if (closedBefore) expect([task.segments, task.epoch]).toEqual([was?.segments, was?.epoch]);
    }
    const ended = await farm.owner.query<{ id: string }>(
      `SELECT a.id FROM attempts a JOIN tasks t ON t.id = a.task_id
       WHERE t.shot_version_id = $1 AND a.state IN ('expired', 'failed', 'released', 'stopped', 'rejected')`,
      [this.shot.shotVersionId],
    );
    this.over = new Set(ended.map(({ id }) => id));
  }
}

it('accepts at most one result a task, of its newest epoch, in any order of events', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (batches) => {
      const shot = await farm.addShot({ count: TASKS });
      await new History(shot).run(batches);
    }),
    { numRuns: 40, interruptAfterTimeLimit: 30_000 },
  );
  // The histories did lead somewhere: results were accepted, refused as stale, and refused for consent.
  expect(await farm.told('attempt.accepted')).toBeGreaterThan(0);
  expect(await farm.told('attempt.refused_stale')).toBeGreaterThan(0);
  expect(await farm.told('attempt.expired')).toBeGreaterThan(0);
  expect(await farm.told('shot.revoked')).toBeGreaterThan(0);
});
