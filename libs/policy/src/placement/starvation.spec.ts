import { describe, expect, it } from 'vitest';
import { AGE_MS_A_POINT, isUrgent, nextWork, type ProjectShare, STARVATION_MS, type WaitingQueue } from './order.js';

const SHARD_MS = 20_000;
const HOUR_MS = 3_600_000;

interface Work extends WaitingQueue {
  /** Shards that wait still. */
  pending: number;
  startedMs: number | null;
}

const work = (id: string, change: Partial<Work> = {}): Work => ({
  id,
  projectId: id,
  priority: 50,
  kindRank: 1,
  waitingSinceMs: 0,
  pending: Infinity,
  startedMs: null,
  ...change,
});

/** Lanes that take a shard of 20 s each; `arrive` adds work as time goes by. Tells when each project was given lanes. */
function run(
  lanes: number,
  fromMs: number,
  toMs: number,
  queues: Work[],
  arrive: (nowMs: number) => Work[] = () => [],
) {
  const served = new Map<string, number[]>();
  const held: { queue: Work; untilMs: number }[] = [];
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 1_000) {
    queues.push(...arrive(nowMs));
    while (held[0] !== undefined && held[0].untilMs <= nowMs) held.shift();
    while (held.length < lanes) {
      const waiting = queues.filter(({ pending }) => pending > 0);
      const shares = new Map<string, ProjectShare>();
      for (const { projectId } of waiting) {
        const own = held.filter(({ queue }) => queue.projectId === projectId);
        const urgentRunning = own.filter(({ queue }) => isUrgent(queue)).length;
        const servedAtMs = served.get(projectId)?.at(-1) ?? null;
        shares.set(projectId, {
          projectId,
          weight: 1,
          mostLanes: null,
          running: own.length,
          urgentRunning,
          servedAtMs,
        });
      }
      const queue = nextWork({ nowMs, queues: waiting, projects: shares })?.queue;
      if (queue === undefined) break;
      queue.pending -= 1;
      queue.startedMs ??= nowMs;
      served.set(queue.projectId, [...(served.get(queue.projectId) ?? []), nowMs]);
      // Lanes that begin together do not end together.
      held.push({ queue, untilMs: nowMs + SHARD_MS - (nowMs === fromMs ? held.length * 2_000 : 0) });
      held.sort((a, b) => a.untilMs - b.untilMs);
    }
  }
  return served;
}

const longestGapMs = (times: readonly number[], fromMs: number, toMs: number): number =>
  [...times, toMs].reduce((most, time, n) => Math.max(most, time - (times[n - 1] ?? fromMs)), 0);

describe('with more projects than lanes and a backlog of hours', () => {
  const from = 5 * HOUR_MS;

  it.each([
    [8, 20],
    [8, 1_000],
    [1, 200],
  ])('%i lanes, %i projects: an urgent shot starts within one shard time', (lanes, count) => {
    const backlog = Array.from({ length: count }, (_, n) => work(`project ${n}`));
    const urgent = work('urgent', { priority: 95, waitingSinceMs: from + 60_000, pending: 4 });
    run(lanes, from, from + 180_000, backlog, (nowMs) => (nowMs === urgent.waitingSinceMs ? [urgent] : []));
    expect(urgent.startedMs! - urgent.waitingSinceMs).toBeLessThanOrEqual(SHARD_MS);
  });

  it('whoever was given nothing for longest is served first, whatever priority the others have', () => {
    const low = work('low', { priority: 1 });
    // Four times what the bound leaves room for: all of them starve, one after the other.
    const backlog = Array.from({ length: 720 }, (_, n) => work(`project ${n}`, { priority: 80 }));
    const served = run(2, from, from + 3 * HOUR_MS, [...backlog, low]);
    const aRoundMs = (721 / 2) * SHARD_MS;
    expect(served.get('low')).toBeDefined();
    expect(longestGapMs(served.get('low')!, from, from + 3 * HOUR_MS)).toBeLessThanOrEqual(aRoundMs * 1.1);
  });

  it('a project that was given a lane a moment ago does not starve, however old its work is', () => {
    const nowMs = from;
    const queues = [work('old'), work('new', { waitingSinceMs: nowMs - 1_000, priority: 60 })];
    const share = (projectId: string, servedAtMs: number | null): [string, ProjectShare] => [
      projectId,
      { projectId, weight: 1, mostLanes: null, running: 0, urgentRunning: 0, servedAtMs },
    ];
    const chosen = (servedAtMs: number | null) =>
      nextWork({ nowMs, queues, projects: new Map([share('old', servedAtMs), share('new', null)]) });
    expect(chosen(nowMs - STARVATION_MS)?.reason).toBe('STARVING');
    expect(chosen(nowMs - STARVATION_MS + 1)?.reason).toBe('LEAST_SHARE');
    expect(chosen(null)?.reason).toBe('STARVING');
  });
});

it('urgent work without an end keeps nobody from the lanes for longer than the bound', () => {
  const toMs = 3 * HOUR_MS;
  const served = run(4, 0, toMs, [work('urgent', { priority: 99 }), work('other'), work('another', { priority: 1 })]);
  for (const project of ['other', 'another'])
    expect(longestGapMs(served.get(project)!, 0, toMs)).toBeLessThanOrEqual(STARVATION_MS + 2 * SHARD_MS);
  expect(served.get('urgent')!.length).toBeGreaterThan((0.9 * 4 * toMs) / SHARD_MS);
});

it('within a project work of lower priority has its turn when it waited long enough, and never before what is urgent', () => {
  const low = work('low', { projectId: 'p', priority: 40, pending: 1 });
  let count = 0;
  // As much as the lane can do.
  const arrive = (nowMs: number): Work[] =>
    nowMs % SHARD_MS === 0
      ? [work(`new ${(count += 1)}`, { projectId: 'p', priority: 60, waitingSinceMs: nowMs, pending: 1 })]
      : [];
  run(1, 0, 2 * HOUR_MS, [low], arrive);
  expect(low.startedMs).toBeGreaterThan(19 * AGE_MS_A_POINT);
  expect(low.startedMs).toBeLessThanOrEqual(20 * AGE_MS_A_POINT + SHARD_MS);
  const nowMs = 100 * HOUR_MS;
  const share = { projectId: 'p', weight: 1, mostLanes: null, running: 1, urgentRunning: 0, servedAtMs: null };
  const queues = [
    work('old', { projectId: 'p' }),
    work('urgent', { projectId: 'p', priority: 90, waitingSinceMs: nowMs }),
  ];
  expect(nextWork({ nowMs, queues, projects: new Map([['p', share]]) })?.queue.id).toBe('urgent');
});
