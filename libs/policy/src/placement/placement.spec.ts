import { describe, expect, it } from 'vitest';
import { sayWait, type WaitLane, whyWaiting } from './explain.js';
import { misfits, type PlacementLane, type Requirements } from './fit.js';
import { nextWork, type ProjectShare, STARVATION_MS, URGENT_PRIORITY, type WaitingQueue } from './order.js';

const NOW_MS = 10 * STARVATION_MS;
const LANE: PlacementLane = {
  kinds: ['render'],
  provider: 'cuda',
  precision: 'fp16',
  parityClass: 'a',
  vramMiB: 12_000,
  computeCapability: 86,
  models: ['default'],
  pools: ['night'],
};
type Queue = WaitingQueue & { needs: Requirements };
const queue = (id: string, change: Partial<Queue> = {}): Queue => ({
  id,
  projectId: 'p',
  priority: 50,
  kindRank: 1,
  waitingSinceMs: NOW_MS - 1_000,
  needs: { kind: 'render' },
  ...change,
});
const project = (projectId: string, change: Partial<ProjectShare> = {}): ProjectShare => ({
  projectId,
  weight: 1,
  mostLanes: null,
  running: 0,
  urgentRunning: 0,
  servedAtMs: null,
  ...change,
});
const mapOf = (...shares: ProjectShare[]) => new Map(shares.map((share) => [share.projectId, share]));
const choose = (queues: Queue[], ...shares: ProjectShare[]) =>
  nextWork({ nowMs: NOW_MS, queues, projects: mapOf(...shares) });

describe('fit', () => {
  it.each([
    [{ kind: 'enrol' }, ['KIND']],
    [{ kind: 'render', parityClass: 'b' }, ['PARITY_CLASS']],
    [{ kind: 'render', parityClass: null }, []],
    [{ kind: 'render', providers: ['tensorrt'] }, ['PROVIDER']],
    [{ kind: 'render', precision: 'fp32' }, ['PRECISION']],
    [{ kind: 'render', leastVramMiB: 12_001 }, ['VRAM']],
    [{ kind: 'render', leastVramMiB: 12_000 }, []],
    [{ kind: 'render', leastComputeCapability: 89 }, ['COMPUTE_CAPABILITY']],
    [{ kind: 'render', models: ['default', 'other'] }, ['MODEL']],
    [{ kind: 'render', pool: 'day' }, ['POOL']],
    [{ kind: 'render', pool: 'night' }, []],
    [{ kind: 'analyse', pool: 'day', leastVramMiB: 99_000 }, ['KIND', 'VRAM', 'POOL']],
  ] as [Requirements, string[]][])('of %j lacks %j', (needs, expected) => {
    expect(misfits(LANE, needs)).toEqual(expected);
  });
});

describe('the next work', () => {
  it('is nothing where nothing waits or every project is at its cap', () => {
    expect(choose([], project('p'))).toBeNull();
    expect(choose([queue('a')], project('p', { mostLanes: 2, running: 2 }))).toBeNull();
    expect(choose([queue('a')], project('p', { mostLanes: 2, running: 1 }))?.queue.id).toBe('a');
  });

  it('is in a project the one of higher priority, then what rendering waits for, then what the lane holds, then the oldest', () => {
    const old = queue('old', { waitingSinceMs: NOW_MS - 9_000 });
    const local = queue('local');
    const analyse = queue('analyse', { kindRank: 0 });
    const high = queue('high', { priority: 60 });
    const order: string[] = [];
    const left = [old, local, analyse, high];
    while (left.length > 0) {
      const choice = nextWork({
        nowMs: NOW_MS,
        queues: left,
        projects: mapOf(project('p')),
        isLocal: ({ id }) => id === 'local',
      })!;
      order.push(choice.queue.id);
      left.splice(left.indexOf(choice.queue), 1);
    }
    expect(order).toEqual(['high', 'analyse', 'local', 'old']);
  });

  it('is of the project with the fewest lanes for its weight, whatever priority another gives itself', () => {
    const shares = [project('p', { running: 2 }), project('q', { weight: 3, running: 5 })];
    const choice = choose([queue('a', { priority: 80 }), queue('b', { projectId: 'q', priority: 10 })], ...shares);
    expect(choice).toMatchObject({ queue: { id: 'b' }, reason: 'LEAST_SHARE' });
  });

  it('is urgent work first, then that of a project that starves, and the other way round once urgent work has most lanes', () => {
    const urgent = queue('urgent', { priority: URGENT_PRIORITY });
    const other = queue('other', { projectId: 'q' });
    const starving = queue('starving', { projectId: 'r', priority: 0, waitingSinceMs: NOW_MS - STARVATION_MS });
    const shares = [project('p', { running: 7, urgentRunning: 3 }), project('q'), project('r')];
    expect(choose([other, urgent, starving], ...shares)).toMatchObject({ queue: { id: 'urgent' }, reason: 'URGENT' });
    expect(choose([other, starving], ...shares)).toMatchObject({ queue: { id: 'starving' }, reason: 'STARVING' });
    const most = [project('p', { running: 7, urgentRunning: 4 }), project('q'), project('r')];
    expect(choose([other, urgent], ...most)?.queue.id).toBe('urgent');
    expect(choose([other, urgent, starving], ...most)).toMatchObject({ queue: { id: 'starving' }, reason: 'STARVING' });
    // One that has a lane does not starve.
    const served = [project('p', { running: 7, urgentRunning: 7 }), project('q'), project('r', { running: 1 })];
    expect(choose([other, urgent, starving], ...served)?.queue.id).toBe('urgent');
  });
});

type HasWork = (projectId: string, second: number) => boolean;

describe('shares', () => {
  /** Lanes that take work one second at a time, all projects always having some. */
  function share(lanes: number, seconds: number, shares: ProjectShare[], hasWork: HasWork = () => true) {
    const got = new Map(shares.map(({ projectId }) => [projectId, 0]));
    const held: string[] = [];
    for (let second = 0; second < seconds; second += 1) {
      // Half of the lanes end each second, so that shares settle by who gets the free ones.
      held.splice(0, Math.ceil(lanes / 2));
      while (held.length < lanes) {
        const queues = shares.filter((one) => hasWork(one.projectId, second)).map((one) => queue(one.projectId, one));
        const running = (id: string) => held.filter((one) => one === id).length;
        const projects = mapOf(...shares.map((one) => ({ ...one, running: running(one.projectId) })));
        const choice = nextWork({ nowMs: NOW_MS, queues, projects });
        if (choice === null) break;
        held.push(choice.queue.projectId);
      }
      for (const id of held) got.set(id, got.get(id)! + 1);
    }
    return got;
  }

  it('of weights 1 and 3 share 8 lanes within 5 % of 1 : 3', () => {
    const got = share(8, 1_000, [project('a'), project('b', { weight: 3 })]);
    const part = got.get('a')! / (got.get('a')! + got.get('b')!);
    expect(part).toBeGreaterThan(0.25 * 0.95);
    expect(part).toBeLessThan(0.25 * 1.05);
  });

  it('are borrowed while their owner has no work, and given back when it has', () => {
    const shares = [project('a'), project('b', { weight: 3 })];
    const alone = share(8, 100, shares, (id) => id === 'a');
    expect([alone.get('a'), alone.get('b')]).toEqual([800, 0]);
    const later = share(8, 100, shares, (id, second) => id === 'a' || second >= 50);
    expect(later.get('b')! / (50 * 8)).toBeGreaterThan(0.7);
  });

  it('end at the cap, and the rest goes to others', () => {
    const got = share(8, 100, [project('a'), project('b', { weight: 3, mostLanes: 2 })]);
    expect([got.get('a'), got.get('b')]).toEqual([600, 200]);
  });
});

describe('why work waits', () => {
  const lane = { ...LANE, busy: true };
  const ask = (asked: Queue, others: Queue[], lanes: WaitLane[], ...shares: ProjectShare[]) =>
    whyWaiting({ nowMs: NOW_MS, queue: asked, queues: [asked, ...others], projects: mapOf(...shares), lanes });

  it('has one reason, by the rules that lanes are given work by', () => {
    const mine = queue('mine');
    expect(ask(queue('big', { needs: { kind: 'render', leastVramMiB: 99_000 } }), [], [lane], project('p'))).toEqual({
      code: 'NO_LANE_FITS',
      misfits: ['VRAM'],
    });
    expect(ask(mine, [], [lane], project('p', { mostLanes: 1, running: 1 }))).toEqual({
      code: 'PROJECT_AT_CAP',
      running: 1,
      mostLanes: 1,
    });
    expect(ask(mine, [queue('first', { priority: 95 })], [lane], project('p'))).toEqual({
      code: 'BEHIND_OTHER_WORK',
      ahead: 'first',
      because: 'URGENT',
    });
    expect(ask(mine, [], [lane, lane], project('p'))).toEqual({ code: 'LANES_BUSY', lanes: 2 });
    expect(ask(mine, [], [lane, { ...lane, busy: false }], project('p'))).toEqual({ code: 'NEXT' });
  });

  it('is a class that no lane is of any more, where just that keeps lanes from it', () => {
    const pinned = queue('mine', { needs: { kind: 'render', parityClass: 'gone', leastVramMiB: 8_000 } });
    const wait = ask(pinned, [], [lane], project('p'));
    expect(wait).toEqual({ code: 'CLASS_GONE', parityClass: 'gone' });
    expect(sayWait(wait)).toContain('retry --any-class');
    const other = ask(pinned, [], [lane, { ...lane, parityClass: 'gone', vramMiB: 4_000 }], project('p'));
    expect(other).toEqual({ code: 'NO_LANE_FITS', misfits: ['PARITY_CLASS', 'VRAM'] });
    expect(ask(pinned, [], [{ ...lane, vramMiB: 4_000 }], project('p')).code).toBe('NO_LANE_FITS');
  });

  it('is that the lanes leave it to others, and to whom it is open is counted', () => {
    const back = { ...lane, busy: false, standsBackUntilMs: NOW_MS + 30_000 };
    expect(ask(queue('mine'), [], [back, { ...back, standsBackUntilMs: NOW_MS + 9_500 }], project('p'))).toEqual({
      code: 'LANES_STAND_BACK',
      lanes: 2,
      seconds: 10,
    });
    expect(ask(queue('mine'), [], [back, lane], project('p'))).toEqual({ code: 'LANES_BUSY', lanes: 1 });
  });
});
