import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../apps/cli/src/config.js';
import { FaultFarm, LEASE_SECONDS } from './farm.js';
import { FRAMES, Jobs, SHARDS } from './job.js';
import type { Gate, GatePlace, Held } from './ledger.js';
import { type Answer, type Call, send } from './relay.js';

interface Line {
  readonly fault: string;
  readonly phase: string;
  readonly recoveryS: number;
  readonly framesLost: number;
  readonly attempts: number;
}

let farm: FaultFarm;
let jobs: Jobs;
let reference: string[];
const table: Line[] = [];

beforeAll(async () => {
  farm = await FaultFarm.start(readConfig().homeDir);
  jobs = await Jobs.draw(farm);
});

afterAll(async () => {
  const times = new Map<string, number>();
  for (const { fault, phase } of table) times.set(fault + phase, (times.get(fault + phase) ?? 0) + 1);
  const rows = table.map(({ fault, phase, recoveryS, framesLost, attempts }) =>
    [
      ...[fault.padEnd(30), phase.padEnd(22), String(times.get(fault + phase)).padStart(5)],
      ...[recoveryS.toFixed(1).padStart(10), String(framesLost).padStart(11), String(attempts).padStart(15)],
    ].join(' | '),
  );
  const head = `${'fault'.padEnd(30)} | ${'phase'.padEnd(22)} | times | recovery s | frames lost | render attempts`;
  process.stdout.write(`\n${[head, ...rows].join('\n')}\n\n`);
  await farm?.stop();
});

/** Said at once too, for a run that is cut short. */
function record(line: Line): void {
  table.push(line);
  process.stdout.write(`${line.fault}, ${line.phase}: over it after ${line.recoveryS.toFixed(1)} s\n`);
}

/** What a fault hit, and the row that says that the farm got over it. */
interface Hit {
  readonly atMs: number;
  readonly over: readonly [sql: string, params: unknown[]];
}

const taskAccepted = (taskId: string): Hit['over'] => [
  `SELECT 1 FROM tasks WHERE id = $1 AND state = 'accepted'`,
  [taskId],
];
const hasLeft = (shotId: string, state: string): Hit['over'] => [
  'SELECT 1 FROM shot_versions WHERE shot_id = $1 AND state <> $2::shot_state',
  [shotId, state],
];

/** Runs a shot through a fault and looks at everything afterwards. */
async function through(
  fault: string,
  phase: string,
  inflict: (shotId: string) => Promise<Hit>,
  options: { prepare?: () => Promise<void>; fresh?: boolean } = {},
): Promise<void> {
  const shotId = await jobs.submit(options.fresh, options.prepare);
  const { atMs, over } = await inflict(shotId);
  await farm.ledger.until(over[0], over[1], 60_000);
  const recoveryS = (performance.now() - atMs) / 1000;
  await farm.ledger.until(
    `SELECT 1 FROM shot_versions WHERE shot_id = $1 AND state IN ('ready', 'failed', 'revoked', 'cancelled', 'held')`,
    [shotId],
  );
  expect(await farm.ledger.state(shotId)).toBe('ready');
  const frames = await jobs.deliver(shotId);
  const lost = reference.filter((hash, frame) => frames[frame] !== hash).length;
  const attempts = await farm.ledger.count(
    `SELECT a.id FROM attempts a JOIN tasks t ON t.id = a.task_id JOIN shot_versions v ON v.id = t.shot_version_id
     WHERE v.shot_id = $1 AND t.kind = 'render'`,
    [shotId],
  );
  record({ fault, phase, recoveryS, framesLost: lost, attempts });
  expect(frames).toEqual(reference);
  await allIsWell();
}

async function allIsWell(): Promise<void> {
  expect(await farm.ledger.faults()).toEqual([]);
  // A lane wipes its folder just after it was answered.
  await expect.poll(() => farm.leftovers(), { timeout: 5_000 }).toEqual([]);
}

/** The first call of this kind for a render attempt is dealt with by `deal`; all others pass. */
function once(
  deed: NonNullable<Call['deed']>,
  deal: (
    call: Call,
    held: Held & { shotId: string | null },
    forward: (call: Call) => Promise<Answer>,
  ) => Promise<Answer | null>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let dealt = false;
    farm.relay.rule = async (call, forward) => {
      if (dealt || call.deed !== deed || call.attemptId === null) return forward(call);
      const held = await farm.ledger.attempt(call.attemptId);
      if (dealt || held === undefined || held.kind !== 'render') return forward(call);
      dealt = true;
      try {
        return await deal(call, held, forward);
      } catch (thrown) {
        reject(thrown instanceof Error ? thrown : new Error('the rule threw'));
        return null;
      } finally {
        farm.relay.rule = undefined;
        resolve();
      }
    };
  });
}

const half = (call: Call): Call => ({ ...call, body: call.body.subarray(0, call.body.length >> 1) });

async function killLane(held: Held): Promise<Hit> {
  process.kill(await farm.lanePid(held.ordinal), 'SIGKILL');
  return { atMs: performance.now(), over: taskAccepted(held.taskId) };
}

/** The lease ran out, and somebody else has the task. */
const expired = (held: Held) =>
  farm.ledger.until(
    `SELECT 1 FROM attempts a JOIN tasks t ON t.id = a.task_id
     WHERE a.id = $1 AND a.state = 'expired' AND t.epoch > a.epoch`,
    [held.attemptId],
  );

describe('a farm of real processes', () => {
  afterEach(() => {
    farm.relay.rule = undefined;
    farm.relay.heal();
  });

  it('undisturbed, gives the reference', async () => {
    const beganMs = performance.now();
    const shotId = await jobs.submit();
    reference = await jobs.deliver(shotId);
    expect(reference).toHaveLength(FRAMES);
    expect(new Set(reference).size).toBeGreaterThan(FRAMES / 2);
    record({ fault: 'none', phase: '', recoveryS: 0, framesLost: 0, attempts: SHARDS });
    process.stdout.write(`undisturbed: ${((performance.now() - beganMs) / 1000).toFixed(1)} s\n`);
    await allIsWell();
  });

  describe('kill -9 of a lane', () => {
    it.each([
      ['leased', 0],
      ['rendering', 1],
    ])('%s', (phase, leastFrames) =>
      through('kill -9 lane', phase, async (shotId) => killLane(await farm.ledger.running(shotId, leastFrames))),
    );

    it('uploading', () =>
      through('kill -9 lane', 'half uploaded', async () => {
        let hit: Hit | undefined;
        await once('upload', async (call, held, forward) => {
          expect((await forward(half(call))).status).toBeLessThan(300);
          hit = await killLane(held);
          return null;
        });
        return hit!;
      }));

    it('completing', () =>
      through('kill -9 lane', 'complete on its way', async () => {
        let hit: Hit | undefined;
        await once('complete', async (call, held) => {
          hit = await killLane(held);
          // It arrives all the same, as what has left a host does.
          expect((await send(call, farm.port)).status).toBe(200);
          return null;
        });
        return hit!;
      }));
  });

  describe('kill -9 of the supervisor', () => {
    it('rendering', () =>
      through('kill -9 supervisor', 'rendering', async (shotId) => {
        const held = await farm.ledger.running(shotId, 1);
        await farm.killWorker();
        const atMs = performance.now();
        await farm.startWorker();
        return { atMs, over: taskAccepted(held.taskId) };
      }));

    it('uploading', () =>
      through('kill -9 supervisor', 'half uploaded', async () => {
        let hit: Hit | undefined;
        await once('upload', async (call, held, forward) => {
          await forward(half(call));
          await farm.killWorker();
          hit = { atMs: performance.now(), over: taskAccepted(held.taskId) };
          return null;
        });
        await farm.startWorker();
        return hit!;
      }));
  });

  describe('kill -9 of the coordinator', () => {
    it('rendering', () =>
      through('kill -9 coordinator', 'rendering', async (shotId) => {
        const held = await farm.ledger.running(shotId, 1);
        await farm.killCoordinator();
        const atMs = performance.now();
        await farm.startCoordinator();
        return { atMs, over: taskAccepted(held.taskId) };
      }));

    /** What is done only for a plate that nobody has analysed yet. */
    const ANALYSED = ['end of analysing', 'end of linking'];

    /** Just before the transaction that ends this piece of work commits. */
    const atTheGate = (phase: string, place: GatePlace, over: (shotId: string) => Hit['over']): Promise<void> => {
      let gate: Gate;
      return through(
        'kill -9 coordinator',
        phase,
        async (shotId) => {
          await gate.reached();
          await farm.killCoordinator();
          const atMs = performance.now();
          await gate.open();
          await farm.startCoordinator();
          return { atMs, over: over(shotId) };
        },
        { prepare: async () => void (gate = await farm.ledger.gate(place)), fresh: ANALYSED.includes(phase) },
      );
    };

    it.each(['ingesting', 'analysing', 'linking', 'planning', 'assembling', 'verifying'])('at the end of %s', (state) =>
      atTheGate(`end of ${state}`, { leaving: state }, (shotId) => hasLeft(shotId, state)),
    );

    it('accepting a shard', () =>
      atTheGate('accepting a shard', 'accepting', (shotId) => [
        `SELECT 1 FROM segments s JOIN tasks t ON t.id = s.task_id JOIN shot_versions v ON v.id = t.shot_version_id
         WHERE v.shot_id = $1 LIMIT 1`,
        [shotId],
      ]));
  });

  it('Postgres stopped at once and started again', () =>
    through('Postgres stopped at once', 'rendering', async (shotId) => {
      const held = await farm.ledger.running(shotId, 1);
      await farm.stopPostgres();
      const atMs = performance.now();
      await delay(1_000);
      await farm.startPostgres();
      return { atMs, over: taskAccepted(held.taskId) };
    }));

  describe('a lane frozen past its lease', () => {
    it('while it renders, wakes to a shard that is somebody else’s', () =>
      through('SIGSTOP, SIGCONT of a lane', 'rendering', async (shotId) => {
        const held = await farm.ledger.running(shotId, 1);
        const pid = await farm.lanePid(held.ordinal);
        process.kill(pid, 'SIGSTOP');
        const atMs = performance.now();
        await expired(held);
        process.kill(pid, 'SIGCONT');
        return { atMs, over: taskAccepted(held.taskId) };
      }));

    it('while its report is on its way, is refused with 409, and that is counted', async () => {
      let answer: Answer | undefined;
      await through('SIGSTOP, SIGCONT of a lane', 'complete on its way', async () => {
        let hit: Hit | undefined;
        await once('complete', async (call, held) => {
          const pid = await farm.lanePid(held.ordinal);
          process.kill(pid, 'SIGSTOP');
          hit = { atMs: performance.now(), over: taskAccepted(held.taskId) };
          await expired(held);
          answer = await send(call, farm.port);
          process.kill(pid, 'SIGCONT');
          expect(await refusals(held, 'complete')).toBe(1);
          return answer;
        });
        return hit!;
      });
      expect(answer?.status).toBe(409);
      expect(codeOf(answer)).toBe('STALE_EPOCH');
    });
  });

  describe('a network', () => {
    it('cut for longer than a lease', () =>
      through('network cut', 'rendering', async (shotId) => {
        const held = await farm.ledger.running(shotId, 1);
        farm.relay.cut();
        const atMs = performance.now();
        await farm.ledger.until(`SELECT 1 FROM attempts WHERE id = $1 AND state = 'expired'`, [held.attemptId]);
        await delay(LEASE_SECONDS * 1000);
        // Nobody renders on under a lease that is over.
        expect((await farm.leftovers()).filter((path) => path.endsWith('.part'))).toEqual([]);
        farm.relay.heal();
        return { atMs, over: taskAccepted(held.taskId) };
      }));

    it('that loses the answer to a report', () =>
      through('answer lost', 'complete', async () => {
        let hit: Hit | undefined;
        await once('complete', async (call, held, forward) => {
          expect((await forward(call)).status).toBe(200);
          hit = { atMs: performance.now(), over: taskAccepted(held.taskId) };
          return null;
        });
        return hit!;
      }));

    it('that doubles a report, at once and again later', () =>
      through('duplicated request', 'complete', async () => {
        let hit: Hit | undefined;
        await once('complete', async (call, held) => {
          hit = { atMs: performance.now(), over: taskAccepted(held.taskId) };
          const answers = await Promise.all([send(call, farm.port), send(call, farm.port), send(call, farm.port)]);
          expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
          const again = await send(call, farm.port);
          expect(again.status).toBe(200);
          return again;
        });
        return hit!;
      }));

    it('that brings a heartbeat, an upload and a release after the report', () =>
      through('reordered requests', 'after complete', async () => {
        let hit: Hit | undefined;
        let upload: Call | undefined;
        await once('upload', async (call, _, forward) => {
          upload = call;
          return await forward(call);
        });
        await once('complete', async (call, held) => {
          hit = { atMs: performance.now(), over: taskAccepted(held.taskId) };
          const answer = await send(call, farm.port);
          const late = (deed: string, body: object): Call => ({
            ...call,
            path: call.path.replace(/complete$/, deed),
            body: Buffer.from(JSON.stringify({ epoch: held.epoch, ...body })),
          });
          for (const [deed, body] of [
            ['heartbeat', { framesDone: 1 }],
            ['release', { reason: 'drain' }],
            ['fail', { code: 'INTERNAL', message: 'late', retryable: true }],
          ] as const) {
            const refused = await send(late(deed, body), farm.port);
            expect({ deed, status: refused.status, code: codeOf(refused) }).toEqual({
              deed,
              status: 409,
              code: 'STALE_EPOCH',
            });
          }
          expect((await send(upload!, farm.port)).status).toBeGreaterThanOrEqual(400);
          return answer;
        });
        return hit!;
      }));

    it('that turns a result’s bytes', () =>
      through('corrupt upload', 'uploading', async () => {
        let hit: Hit | undefined;
        await once('upload', async (call, held, forward) => {
          hit = { atMs: performance.now(), over: taskAccepted(held.taskId) };
          const body = Buffer.from(call.body);
          body.writeUInt8(body.readUInt8(body.length >> 1) ^ 0xff, body.length >> 1);
          return await forward({ ...call, body });
        });
        return hit!;
      }));
  });

  it('revocation in the middle stops what runs, and nothing can be delivered', async () => {
    const shotId = await jobs.submit(true);
    await farm.ledger.running(shotId, 1);
    const { items } = await farm.client.call('listConsents', { query: { limit: 500 } });
    const [used] = await farm.ledger.rows<{ id: string }>(
      `SELECT unnest(a.consent_ids) AS id FROM attempts a JOIN tasks t ON t.id = a.task_id
       JOIN shot_versions v ON v.id = t.shot_version_id WHERE v.shot_id = $1 LIMIT 1`,
      [shotId],
    );
    expect(items.map(({ id }) => id)).toContain(used?.id);
    const atMs = performance.now();
    await farm.client.call('revokeConsent', { params: { consentId: used!.id }, body: { reason: 'withdrawn' } });
    await farm.ledger.until(
      `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE state IN ('running', 'reported'))`,
      [],
      LEASE_SECONDS * 1000 + 2_000,
    );
    const recoveryS = (performance.now() - atMs) / 1000;
    expect(await farm.ledger.state(shotId)).toBe('revoked');
    const shot = await farm.client.call('getShot', { params: { shotId } });
    expect(shot.deliveryId).toBeNull();
    expect(
      await farm.ledger.count(
        `SELECT 1 FROM deliveries d JOIN shot_versions v ON v.id = d.shot_version_id
      WHERE v.shot_id = $1`,
        [shotId],
      ),
    ).toBe(0);
    expect(
      await farm.ledger.count(
        `SELECT 1 FROM segments s JOIN tasks t ON t.id = s.task_id
      JOIN shot_versions v ON v.id = t.shot_version_id WHERE v.shot_id = $1 AND s.quarantined_at IS NULL`,
        [shotId],
      ),
    ).toBe(0);
    const attempts = await farm.ledger.count(
      `SELECT 1 FROM attempts a JOIN tasks t ON t.id = a.task_id
      JOIN shot_versions v ON v.id = t.shot_version_id WHERE v.shot_id = $1`,
      [shotId],
    );
    record({ fault: 'consent revoked', phase: 'rendering', recoveryS, framesLost: 0, attempts });
    await allIsWell();
  });

  it('leaves nothing in the worker’s scratch folder', async () => {
    expect(await farm.endWorker()).toEqual([]);
  });
});

const codeOf = (answer: Answer | undefined): unknown =>
  (JSON.parse(answer?.body.toString() ?? '{}') as { error?: { code?: string } }).error?.code;

/** How often the log says that this attempt came too late. */
function refusals(held: Held, report: string): Promise<number> {
  return farm.ledger.count(
    `SELECT 1 FROM audit_events WHERE action = 'attempt.refused_stale' AND subject_id = $1
     AND canonical::jsonb #>> '{data,report}' = $2`,
    [held.attemptId, report],
  );
}
