import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Sql } from '@understudy/db';
import { ATTEMPT_STATEMENTS, AttemptRepository } from '../../apps/coordinator/src/shards/attempt.repository.js';
import { CLAIM_STATEMENTS } from '../../apps/coordinator/src/shards/claim.repository.js';
import type { Lane } from '../../apps/coordinator/src/shards/lane.js';
import { LANE_STATEMENTS } from '../../apps/coordinator/src/shards/lane.repository.js';
import { RECONCILER_STATEMENTS } from '../../apps/coordinator/src/stages/reconciler.js';
import { ShardsFarm } from './shards-farm.js';

const SHOTS = 40;
/** Of two claims, one after the other, of which the first pins its shot's class. */
const MOST_STATEMENTS = 16;
const SHARDS_A_SHOT = 250;
/** Shots in front of all others that are paused or wait. */
const HELD = 2_000;
/** Tables that grow with the farm's work; no hot statement may read one from end to end. */
const LARGE = new Set(['tasks', 'attempts', 'segments', 'audit_events', 'lanes', 'shot_versions']);

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: Plan[];
}

let farm: ShardsFarm;
let attemptIds: string[];
let laneIds: string[];
let workerIds: string[];
let can: string;
let shotVersionId: string;
beforeAll(async () => {
  farm = await ShardsFarm.start();
  farm.acceptAnyBytes();
  const [first] = await Promise.all(Array.from({ length: SHOTS }, () => farm.addShot({ count: SHARDS_A_SHOT })));
  shotVersionId = first!.shotVersionId;
  const lanes = await farm.addLanes(60);
  laneIds = lanes.map(({ id }) => id);
  workerIds = [...new Set(lanes.map(({ workerId }) => workerId))];
  can = lanes[0]!.can;
  const leases = await Promise.all(lanes.map((lane) => farm.claim(lane)));
  attemptIds = leases.map(({ attemptId }) => attemptId).slice(0, 20);
  // Attempts and segments of the past, as a farm has them.
  await farm.owner.query(
    `INSERT INTO attempts (id, task_id, epoch, lane_id, state, expires_at)
     SELECT gen_random_uuid(), t.id, 1000 + n, $1, 'failed', now() FROM tasks t, generate_series(1, 2) n`,
    [laneIds[0]],
  );
  await farm.owner.query(
    `INSERT INTO lanes (id, worker_id, ordinal, host, capabilities, parity_class)
     SELECT gen_random_uuid(), worker_id, n, 'other', capabilities, parity_class FROM lanes, generate_series(1, 40) n`,
  );
  await farm.owner.query(
    `WITH shot AS (
       INSERT INTO shots (id, project_id, name, created_by)
       SELECT gen_random_uuid(), $1, 'past ' || n, $1 FROM generate_series(1, 3000) n RETURNING id)
     INSERT INTO shot_versions (id, shot_id, version, state, plate_asset_id, settings, created_by)
     SELECT gen_random_uuid(), id, 1, 'released', $2, '{}', $1 FROM shot`,
    [first!.projectId, first!.plateAssetId],
  );
  await farm.owner.query('VACUUM ANALYZE');
});
afterAll(() => farm.stop());

function readsWhole(plan: Plan): string[] {
  const own =
    plan['Node Type'] === 'Seq Scan' && LARGE.has(plan['Relation Name'] ?? '') ? [plan['Relation Name']!] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(readsWhole)];
}

async function plan(statement: string, params: unknown[]): Promise<Plan> {
  return await farm.owner.hotTransaction(async (sql) => {
    const [row] = await sql.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`EXPLAIN (FORMAT JSON) ${statement}`, params);
    return row!['QUERY PLAN'][0]!.Plan;
  });
}

/** Rows of tasks and shot versions that one look for work reads. */
async function readByClaim(): Promise<{ heads: number; rows: number }> {
  const fetched = `
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS rows FROM pg_stat_xact_user_tables
     WHERE relname IN ('tasks', 'shot_versions')`;
  return await farm.owner.hotTransaction(async (sql) => {
    const [before] = await sql.query<{ rows: number }>(fetched);
    const heads = await sql.query('SELECT * FROM task_queues($1::jsonb, $2::text[], 8, 90)', [can, []]);
    const [after] = await sql.query<{ rows: number }>(fetched);
    return { heads: heads.length, rows: after!.rows - before!.rows };
  });
}

/** Every statement that the coordinator sends meanwhile, with its values. */
async function sent(work: () => Promise<unknown>): Promise<[string, unknown[]][]> {
  const statements: [string, unknown[]][] = [];
  const { database } = farm;
  const query = database.query.bind(database);
  const noting = (sql: Sql): Sql => ({
    query: async (text, params = []) => {
      statements.push([text, [...params]]);
      return await sql.query(text, params);
    },
  });
  const transaction = database.hotTransaction.bind(database);
  const queries = vi.spyOn(database, 'query').mockImplementation(noting({ query }).query as never);
  const transactions = vi
    .spyOn(database, 'hotTransaction')
    .mockImplementation(async (inside) => await transaction(async (sql) => await inside(noting(sql))));
  await work();
  for (const spy of [queries, transactions]) spy.mockRestore();
  return statements;
}

/** Shots of one task each, more urgent than all others, that nobody may work on for now: stopped after their tasks were made, or before. */
async function addInFront(
  { projectId, assetId }: { projectId: string; assetId: string },
  { paused, waiting }: { paused: number; waiting: number },
): Promise<void> {
  const versions = (count: number, waitsFor: string | null) =>
    farm.owner.query<{ id: string }>(
      `WITH shot AS (
         INSERT INTO shots (id, project_id, name, created_by)
         SELECT gen_random_uuid(), $1, 'in front ' || gen_random_uuid(), $1 FROM generate_series(1, $3::int) n RETURNING id)
       INSERT INTO shot_versions (id, shot_id, version, state, plate_asset_id, settings, priority, waits_for, created_by)
       SELECT gen_random_uuid(), id, 1, 'rendering', $2, '{}', 80, CASE WHEN $4::uuid IS NULL THEN '{}' ELSE ARRAY[$4::uuid] END, $1 FROM shot RETURNING id`,
      [projectId, assetId, count, waitsFor],
    );
  const rows = [...(await versions(paused, null)), ...(await versions(waiting, shotVersionId))];
  const ids = rows.map(({ id }) => id);
  await farm.owner.query(
    `INSERT INTO tasks (id, kind, shot_version_id, asset_id, project_id, start_frame, end_frame, priority)
     SELECT gen_random_uuid(), 'render', id, $2, $3, 0, 24, 80 FROM unnest($1::uuid[]) AS v(id)`,
    [ids, assetId, projectId],
  );
  await farm.owner.query('UPDATE shot_versions SET paused_at = now() WHERE id = ANY ($1::uuid[])', [
    ids.slice(0, paused),
  ]);
  await farm.owner.query('VACUUM ANALYZE');
}

describe('a hot statement reads by index', () => {
  const json = (rows: (id: string) => unknown): string => JSON.stringify(attemptIds.map(rows));
  const queue = async () => {
    const { projectId, since } = await farm.one<{ projectId: string; since: Date }>(
      'SELECT project_id AS "projectId", created_at AS since FROM tasks WHERE shot_version_id = $1 LIMIT 1',
      [shotVersionId],
    );
    return JSON.stringify([
      { name: 'first', projectId, urgency: -50, kindRank: 1, since, queue: shotVersionId, count: 5 },
    ]);
  };
  const statements: [string, string, () => Promise<unknown[]> | unknown[]][] = [
    [
      'the claim takes tasks',
      CLAIM_STATEMENTS.TAKE,
      async () => [await queue(), can, laneIds.slice(0, 10), workerIds.slice(0, 10)],
    ],
    [
      'the claim leases',
      CLAIM_STATEMENTS.LEASE,
      () => [
        json((id) => ({ taskId: id, attemptId: id, laneId: id })),
        10,
        attemptIds,
        laneIds.slice(0, 20),
        [shotVersionId],
      ],
    ],
    ['a lane is seen', LANE_STATEMENTS.SEEN, () => [laneIds.slice(0, 10)]],
    ['a lane is freed', LANE_STATEMENTS.FREE, () => [laneIds.slice(0, 10), true]],
    ['attempts are found', ATTEMPT_STATEMENTS.FIND, () => [attemptIds]],
    ['attempts are held', ATTEMPT_STATEMENTS.HOLD, () => [attemptIds]],
    ['leases are extended', ATTEMPT_STATEMENTS.EXTEND, () => [json((id) => ({ attemptId: id, epoch: 1 })), 10]],
    ['results are reported', ATTEMPT_STATEMENTS.REPORT, () => [json((id) => ({ attemptId: id })), 10, attemptIds]],
    [
      'results are accepted',
      ATTEMPT_STATEMENTS.ACCEPT,
      () => [json((id) => ({ attemptId: id, taskId: id })), attemptIds, attemptIds],
    ],
    ['what the reconciler settles', RECONCILER_STATEMENTS.SETTLED, () => [0]],
    ['what the reconciler takes back', RECONCILER_STATEMENTS.LEFT_OPEN, () => [true]],
    ['what is open of a shot', ATTEMPT_STATEMENTS.OPEN, () => [[shotVersionId], ['render']]],
  ];

  it.each(statements)('%s', async (_, statement, params) => {
    expect(readsWhole(await plan(statement, await params()))).toEqual([]);
  });

  const nameOf = (text: string): string => text.trim().split(/\s+/).slice(0, 12).join(' ');

  it('every one that a claim sends, from the look at the queues to what the lease names', async () => {
    // The first of a shot, which pins it, and one after it.
    const shot = await farm.addShot({ count: 2, priority: 99 });
    const [one, other] = (await farm.addLanes(2)) as [Lane, Lane];
    const statements = await sent(async () => {
      expect((await farm.claim(one)).taskId).toBe(shot.taskIds[0]);
      expect((await farm.claim(other)).taskId).toBe(shot.taskIds[1]);
    });
    const touched = statements.map(([text]) => text).join();
    for (const part of [
      'task_queues',
      'FROM tasks',
      'parity_class = $2',
      'FROM cast_members',
      'FROM consents',
      'INSERT INTO attempts',
      'INSERT INTO audit_events',
    ])
      expect(touched).toContain(part);
    for (const [text, params] of statements)
      expect([nameOf(text), readsWhole(await plan(text, params))]).toEqual([nameOf(text), []]);
    // Of both together: what a claim costs in round trips, and what a shot's leases have in common is read once.
    expect(statements.length).toBeLessThanOrEqual(MOST_STATEMENTS);
  });

  it('the looks of the sweeps for leases that ran out and attempts that stand still', async () => {
    const statements = await sent(async () => {
      await farm.get(AttemptRepository).expired(farm.database, 10);
      await farm.get(AttemptRepository).stuck(farm.database, 900, 10);
    });
    expect(statements).toHaveLength(2);
    for (const [text, params] of statements)
      expect([nameOf(text), readsWhole(await plan(text, params))]).toEqual([nameOf(text), []]);
  });

  it('the heads of the queues are found without reading the tasks', async () => {
    await farm.owner.hotTransaction(async (sql) => {
      const counters = `SELECT seq_scan::int AS scans, idx_tup_fetch::int AS fetched FROM pg_stat_xact_user_tables WHERE relname = 'tasks'`;
      const [before] = await sql.query<{ scans: number; fetched: number }>(counters);
      const heads = await sql.query('SELECT * FROM task_queues($1::jsonb, $2::text[], 8, 90)', [can, []]);
      const [after] = await sql.query<{ scans: number; fetched: number }>(counters);
      expect(heads.length).toBeGreaterThan(SHOTS / 2);
      expect(after!.scans).toBe(before!.scans);
      // Some rows a head, of 250 that each queue has.
      expect(after!.fetched - before!.fetched).toBeLessThan(heads.length * 10);
    });
  });

  it('the reconciler looks at some rows of each shot that waits', async () => {
    await farm.owner.hotTransaction(async (sql) => {
      const fetched = `SELECT (seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables WHERE relname = 'tasks'`;
      const [before] = await sql.query<{ rows: number }>(fetched);
      expect(await sql.query(RECONCILER_STATEMENTS.SETTLED, [0])).toEqual([]);
      const [after] = await sql.query<{ rows: number }>(fetched);
      expect(after!.rows - before!.rows).toBeLessThan(SHOTS * 5);
    });
  });

  it('shots that are paused, or wait for others, are not gone past', async () => {
    const shot = await farm.one<{ projectId: string; assetId: string }>(
      'SELECT project_id AS "projectId", asset_id AS "assetId" FROM tasks WHERE shot_version_id = $1 LIMIT 1',
      [shotVersionId],
    );
    const before = await readByClaim();
    await addInFront(shot, { paused: HELD / 2, waiting: HELD / 2 });
    const among = await readByClaim();
    expect(among.heads).toBe(before.heads);
    expect(among.rows).toBeLessThan(before.rows * 1.5);
    // Let go on, they are at the head of the line.
    await farm.owner.query(`UPDATE shot_versions SET paused_at = NULL, waits_for = '{}' WHERE priority = 80`);
    const urgent = await farm.owner.query('SELECT FROM task_queues($1::jsonb, $2::text[], 8, 90) WHERE urgency = -80', [
      can,
      [],
    ]);
    expect(urgent).toHaveLength(8);
  });
});
