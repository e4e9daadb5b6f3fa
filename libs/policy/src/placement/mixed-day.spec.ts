import { expect, it } from 'vitest';
import { misfits, type PlacementLane, type Requirements } from './fit.js';
import { isUrgent, nextWork, type ProjectShare, type WaitingQueue } from './order.js';

const LANES_A_CLASS = 100;
const CLASSES = [
  { name: 'large', fps: 12, vramMiB: 24_000 },
  { name: 'middle', fps: 8, vramMiB: 12_000 },
  { name: 'small', fps: 4, vramMiB: 8_000 },
] as const;
const SHARD_FRAMES = 2_400;
const FAILED_SHARE = 0.02;

/** Mulberry32 of Tommy Ettinger, public domain: the same seed, the same day. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Shot extends WaitingQueue {
  pending: number;
  running: number;
  needs: Requirements;
  readonly arrivesMs: number;
  startedMs: number | null;
}

interface SimulatedLane extends PlacementLane {
  readonly fps: number;
  busyMs: number;
}

function lanesOf(): SimulatedLane[] {
  return CLASSES.flatMap(({ name, fps, vramMiB }) =>
    Array.from({ length: LANES_A_CLASS }, () => ({
      kinds: ['render' as const],
      provider: 'cuda' as const,
      precision: 'fp16' as const,
      parityClass: name,
      vramMiB,
      computeCapability: 86,
      models: ['default'],
      pools: [],
      fps,
      busyMs: 0,
    })),
  );
}

/** Shots of 5 to 134 shards over the first hours; a tenth is urgent, some need a large card. */
function shotsOf(random: () => number): Shot[] {
  return Array.from({ length: 390 }, (_, n) => {
    const arrivesMs = Math.floor(random() * 3 * 3_600_000);
    return {
      id: `shot ${n}`,
      projectId: `project ${n % 4}`,
      priority: random() < 0.1 ? 95 : 30 + Math.floor(random() * 40),
      kindRank: 1,
      waitingSinceMs: arrivesMs,
      arrivesMs,
      pending: 5 + Math.floor(random() ** 2 * 130),
      running: 0,
      needs: { kind: 'render', ...(random() < 0.1 ? { leastVramMiB: 12_000 } : {}) },
      startedMs: null,
    };
  });
}

function sharesOf(shots: readonly Shot[]): Map<string, ProjectShare> {
  const running = new Map<string, number>();
  const urgent = new Map<string, number>();
  for (const shot of shots) {
    running.set(shot.projectId, (running.get(shot.projectId) ?? 0) + shot.running);
    if (isUrgent(shot)) urgent.set(shot.projectId, (urgent.get(shot.projectId) ?? 0) + shot.running);
  }
  return new Map(
    [...running].map(([projectId, count]) => [
      projectId,
      {
        projectId,
        weight: 1,
        mostLanes: null,
        running: count,
        urgentRunning: urgent.get(projectId) ?? 0,
        servedAtMs: null,
      },
    ]),
  );
}

/** The whole day: who is free asks, who ends fails now and then, and the first lane of a shot pins its class. */
function runDay(random: () => number) {
  const lanes = lanesOf();
  const shots = shotsOf(random).toSorted((a, b) => a.arrivesMs - b.arrivesMs);
  const ends: { atMs: number; lane: SimulatedLane; shot: Shot; ms: number }[] = [];
  const free = new Set(lanes);
  const framesOf = new Map<Shot, number>();
  let [arrived, nowMs, busyWhileWaitingMs, waitingMs, lastMs] = [0, 0, 0, 0, 0];
  for (;;) {
    while (arrived < shots.length && shots[arrived]!.arrivesMs <= nowMs) arrived += 1;
    const open = shots.slice(0, arrived).filter(({ pending }) => pending > 0);
    const nothingFor = new Set<string>();
    for (const lane of free) {
      if (nothingFor.has(lane.parityClass)) continue;
      const queues = open.filter((shot) => shot.pending > 0 && misfits(lane, shot.needs).length === 0);
      // What a class has begun it ends before it takes a shot from the others.
      const isLocal = ({ needs }: Shot): boolean => needs.parityClass === lane.parityClass;
      const shot = nextWork({ nowMs, queues, projects: sharesOf(shots), isLocal })?.queue;
      if (shot === undefined) {
        nothingFor.add(lane.parityClass);
        continue;
      }
      free.delete(lane);
      shot.pending -= 1;
      shot.running += 1;
      shot.startedMs ??= nowMs;
      shot.needs = { ...shot.needs, parityClass: lane.parityClass };
      const ms = (SHARD_FRAMES / lane.fps) * 1000 * (0.9 + random() * 0.2);
      ends.push({ atMs: nowMs + ms, lane, shot, ms });
    }
    const waits = open.some(({ pending }) => pending > 0);
    const nextEnd = ends.reduce((least, { atMs }) => Math.min(least, atMs), Infinity);
    const nextMs = Math.min(nextEnd, shots[arrived]?.arrivesMs ?? Infinity);
    if (nextMs === Infinity) break;
    if (waits) {
      waitingMs += (nextMs - nowMs) * lanes.length;
      busyWhileWaitingMs += (nextMs - nowMs) * (lanes.length - free.size);
    }
    nowMs = nextMs;
    for (let n = ends.length - 1; n >= 0; n -= 1) {
      const { atMs, lane, shot } = ends[n]!;
      if (atMs > nowMs) continue;
      ends.splice(n, 1);
      free.add(lane);
      shot.running -= 1;
      framesOf.set(shot, (framesOf.get(shot) ?? 0) + SHARD_FRAMES);
      lastMs = nowMs;
      if (random() < FAILED_SHARE) shot.pending += 1;
    }
  }
  return { shots, framesOf, lastMs, busyShare: busyWhileWaitingMs / waitingMs };
}

it('keeps 300 lanes of three classes busy through a mixed day, near the shortest time there is', () => {
  const { shots, framesOf, lastMs, busyShare } = runDay(seeded(20_260_424));
  expect(shots.every(({ pending, running }) => pending === 0 && running === 0)).toBe(true);
  const framesAMs = CLASSES.reduce((sum, { fps }) => sum + (fps * LANES_A_CLASS) / 1000, 0);
  // No schedule does all frames, those of failed tries too, faster than all lanes together on whatever has arrived.
  let idealMs = 0;
  for (const shot of shots) idealMs = Math.max(idealMs, shot.arrivesMs) + framesOf.get(shot)! / framesAMs;
  expect(busyShare).toBeGreaterThanOrEqual(0.95);
  expect(lastMs / idealMs).toBeLessThanOrEqual(1.1);
  // An urgent shot starts within the time of one shard of the slowest lanes.
  const slowestMs = (SHARD_FRAMES / CLASSES[2].fps) * 1000 * 1.1;
  const late = shots.filter(
    ({ priority, arrivesMs, startedMs }) => priority >= 90 && startedMs! - arrivesMs > slowestMs,
  );
  expect(late).toEqual([]);
});
