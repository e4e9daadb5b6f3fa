import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { LEASE_SECONDS } from '../farm.js';
import type { Held } from '../ledger.js';
import { type Answer, type Call, send } from '../relay.js';
import { codeOf, type FaultCase, half, type Hit, hitNow, taskAccepted, type Trial } from '../trial.js';

/** Cut for longer than a lease: nobody renders on, or keeps what it made, under a lease that is over. */
async function cutOff({ farm }: Trial, held: Held): Promise<Hit> {
  farm.relay.cut();
  const hit = hitNow(taskAccepted(held.taskId));
  await farm.ledger.until(`SELECT 1 FROM attempts WHERE id = $1 AND state = 'expired'`, [held.attemptId]);
  await delay(LEASE_SECONDS * 1000);
  const lanes = (await farm.leftovers()).filter((path) => path.startsWith('lane-'));
  farm.relay.heal();
  expect(lanes).toEqual([]);
  return hit;
}

const FROZEN = 'a lane frozen past its lease';

/** The signals go to the lane alone; what it encodes in is another process and goes on. */
async function freeze({ farm }: Trial, held: Held): Promise<{ hit: Hit; thaw: () => void }> {
  const pid = await farm.lanePid(held.ordinal);
  process.kill(pid, 'SIGSTOP');
  const hit = hitNow(taskAccepted(held.taskId));
  await farm.ledger.expired(held);
  return { hit, thaw: () => void process.kill(pid, 'SIGCONT') };
}

const LATE = [
  ['heartbeat', { framesDone: 1 }],
  ['release', { reason: 'drain' }],
  ['fail', { code: 'INTERNAL', message: 'late', retryable: true }],
] as const;

/** Everything else a lane can say about an attempt, after its report was taken: each is refused and changes nothing. */
async function refuseLate({ farm }: Trial, held: Held, complete: Call, upload: Call): Promise<void> {
  for (const [deed, body] of LATE) {
    const late = {
      ...complete,
      path: complete.path.replace(/complete$/, deed),
      body: Buffer.from(JSON.stringify({ epoch: held.epoch, ...body })),
    };
    const refused = await send(late, farm.port);
    expect({ deed, status: refused.status, code: codeOf(refused) }).toEqual({ deed, status: 409, code: 'STALE_EPOCH' });
  }
  expect((await send(upload, farm.port)).status).toBeGreaterThanOrEqual(400);
}

/** The first request to lease after a shot came arrives twice: what the lane never hears of runs out by itself. */
function doubleLease({ farm }: Trial): Promise<void> {
  return new Promise((resolve) => {
    farm.relay.rule = async (call, forward) => {
      if (!call.path.endsWith('/lease')) return forward(call);
      const [first, second] = await Promise.all([forward(call), forward(call)]);
      const leased = [first, second].filter(({ body }) => body.includes('"attemptId"'));
      if (leased.length < 2) return leased[0] ?? first;
      farm.relay.rule = undefined;
      resolve();
      return first;
    };
  });
}

export const NETWORK: readonly FaultCase[] = [
  {
    ...{ fault: FROZEN, phase: 'rendering', everyday: true },
    run: (t) =>
      t.through(async (shot) => {
        const { hit, thaw } = await freeze(t, await t.farm.ledger.running(shot, 1));
        thaw();
        return hit;
      }),
  },
  {
    ...{ fault: FROZEN, phase: 'analysing' },
    run: (t) =>
      t.through(
        async (shot) => {
          const { hit, thaw } = await freeze(t, await t.farm.ledger.running(shot, 0, 'analyse'));
          thaw();
          return hit;
        },
        { fresh: true },
      ),
  },
  {
    ...{ fault: FROZEN, phase: 'complete on its way' },
    run: async (t) => {
      let answer: Answer | undefined;
      await t.through(() =>
        t.during('complete', async (call, held) => {
          const { hit, thaw } = await freeze(t, held);
          answer = await send(call, t.farm.port);
          thaw();
          expect(await t.farm.ledger.refusals(held, 'complete')).toBe(1);
          return { hit, answer };
        }),
      );
      expect([answer?.status, codeOf(answer)]).toEqual([409, 'STALE_EPOCH']);
    },
  },
  {
    ...{ fault: 'network cut past a lease', phase: 'rendering', everyday: true },
    run: (t) => t.through(async (shot) => await cutOff(t, await t.farm.ledger.running(shot, 1))),
  },
  ...(['upload', 'complete'] as const).map((deed): FaultCase => ({
    ...{ fault: 'network cut past a lease', phase: deed === 'upload' ? 'half uploaded' : 'complete on its way' },
    run: (t) =>
      t.through(() =>
        t.during(deed, async (call, held, forward) => {
          if (deed === 'upload') await forward(half(call));
          return { hit: await cutOff(t, held), answer: null };
        }),
      ),
  })),
  ...(['upload', 'complete', 'heartbeat'] as const).map((deed): FaultCase => ({
    ...{ fault: 'answer lost', phase: deed },
    run: (t) =>
      t.through(() =>
        t.during(deed, async (call, held, forward) => {
          expect((await forward(call)).status).toBeLessThan(300);
          return { hit: hitNow(taskAccepted(held.taskId)), answer: null };
        }),
      ),
  })),
  {
    ...{ fault: 'request doubled', phase: 'complete', everyday: true },
    run: (t) =>
      t.through(() =>
        t.during('complete', async (call, held) => {
          const hit = hitNow(taskAccepted(held.taskId));
          const answers = await Promise.all([
            send(call, t.farm.port),
            send(call, t.farm.port),
            send(call, t.farm.port),
          ]);
          expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
          const answer = await send(call, t.farm.port);
          expect(answer.status).toBe(200);
          return { hit, answer };
        }),
      ),
  },
  ...(['upload', 'heartbeat'] as const).map((deed): FaultCase => ({
    ...{ fault: 'request doubled', phase: deed },
    run: (t) =>
      t.through(() =>
        t.during(deed, async (call, held, forward) => {
          const hit = hitNow(taskAccepted(held.taskId));
          const [first, second] = await Promise.all([forward(call), forward(call)]);
          return { hit, answer: first.status < 300 ? first : second };
        }),
      ),
  })),
  {
    ...{ fault: 'request doubled', phase: 'lease' },
    run: async (t) => {
      let doubled: Promise<void> | undefined;
      await t.through(
        async (shot) => {
          await doubled;
          return hitNow([`SELECT 1 FROM shot_versions WHERE shot_id = $1 AND state = 'ready'`, [shot]]);
        },
        { prepare: async () => void (doubled = doubleLease(t)) },
      );
    },
  },
  {
    ...{ fault: 'requests reordered', phase: 'after complete', everyday: true },
    run: (t) =>
      t.through(async () => {
        let upload: Call | undefined;
        await t.once('upload', async (call, _, forward) => {
          upload = call;
          return await forward(call);
        });
        const completeLate = async (call: Call, held: Held) => {
          const hit = hitNow(taskAccepted(held.taskId));
          const answer = await send(call, t.farm.port);
          await refuseLate(t, held, call, upload!);
          return { hit, answer };
        };
        // Another lane may be the first to complete, and this one's upload then comes in time.
        return await t.during('complete', completeLate, ({ attemptId }) => attemptId === upload?.attemptId);
      }),
  },
];
