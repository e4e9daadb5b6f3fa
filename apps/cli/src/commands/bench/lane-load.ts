import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpLine, type Answer } from './http-line.js';
import { LoadJob, type LoadResult, quantiles } from './load-job.js';

/** The process of simulated lanes: each leases, beats and completes by its own timetable, over a connection of its own. */
const RETRY_MS = 200;
const HELD_SECONDS = 2;

interface LeaseBody {
  lease: { attemptId: string; taskId: string; epoch: number; startFrame: number; endFrame: number } | null;
}
type Given = NonNullable<LeaseBody['lease']>;

const job = LoadJob.parse(JSON.parse(await text(process.stdin)));
const samples = { claim: [] as number[], complete: [] as number[], heartbeat: [] as number[] };
const completed: string[] = [];
const refusals: Record<string, number> = {};
const over = AbortSignal.timeout(job.limitMs);
let leased = 0;
let firstAtMs = Number.POSITIVE_INFINITY;
let lastAtMs = 0;

function refused(what: string, { status }: Answer): void {
  const key = `${what} ${status}`;
  refusals[key] = (refusals[key] ?? 0) + 1;
}

async function until(atMs: number): Promise<void> {
  const leftMs = atMs - performance.now();
  if (leftMs > 0) await delay(leftMs);
}

class SimulatedLane {
  readonly #line: HttpLine;
  readonly #path: string;

  constructor({ laneId, token }: { laneId: string; token: string }, port: number) {
    this.#line = new HttpLine({ host: job.host, port }, token);
    this.#path = `/api/v1/lanes/${laneId}/lease`;
  }

  async run(firstAt: number): Promise<void> {
    for (let dueMs = firstAt; leased < job.shards && !over.aborted; dueMs += job.periodMs) {
      await until(dueMs);
      const lease = await this.#lease(dueMs);
      if (lease !== null) await this.#work(lease, dueMs + job.holdMs);
    }
    this.#line.close();
  }

  async #lease(dueMs: number): Promise<Given | null> {
    while (leased < job.shards && !over.aborted) {
      const answer = await this.#line.post(this.#path, { waitSeconds: HELD_SECONDS });
      const { lease } = answer.status === 200 ? (answer.body as LeaseBody) : { lease: null };
      if (lease !== null) {
        samples.claim.push(performance.now() - dueMs);
        leased += 1;
        return lease;
      }
      if (answer.status === 200) continue;
      refused('lease', answer);
      await delay(RETRY_MS);
    }
    return null;
  }

  async #work(lease: Given, endMs: number): Promise<void> {
    const path = `/api/v1/attempts/${lease.attemptId}`;
    const startedMs = performance.now();
    for (let beatMs = startedMs + job.heartbeatMs; beatMs < endMs; beatMs += job.heartbeatMs) {
      await until(beatMs);
      const answer = await this.#line.post(`${path}/heartbeat`, { epoch: lease.epoch, framesDone: 1 });
      samples.heartbeat.push(performance.now() - beatMs);
      if (answer.status !== 200) refused('heartbeat', answer);
    }
    await until(endMs);
    await this.#complete(path, lease, Math.max(endMs, startedMs));
  }

  async #complete(path: string, lease: Given, dueMs: number): Promise<void> {
    const frames = lease.endFrame - lease.startFrame;
    const sha256 = createHash('sha256').update(lease.attemptId).digest('hex');
    const frameHashes = Array.from({ length: frames }, (_, n) => `${sha256.slice(0, 28)}${String(n).padStart(4, '0')}`);
    const result = { sha256, bytes: 100_000, frames, frameHashes };
    const timingsMs = { decode: 10, replace: 40, encode: 20 };
    while (!over.aborted) {
      const answer = await this.#line.post(`${path}/complete`, { epoch: lease.epoch, result, timingsMs });
      if (answer.status === 200) {
        const nowMs = performance.now();
        samples.complete.push(nowMs - dueMs);
        completed.push(lease.taskId);
        firstAtMs = Math.min(firstAtMs, nowMs);
        lastAtMs = nowMs;
        return;
      }
      refused('complete', answer);
      if (answer.status >= 400 && answer.status < 500) return;
      await delay(RETRY_MS);
    }
  }
}

const startMs = performance.now() + 200;
await Promise.all(
  job.lanes.map(async (lane, n) => {
    const port = job.ports[n % job.ports.length]!;
    await new SimulatedLane(lane, port).run(startMs + (n * job.periodMs) / job.lanes.length);
  }),
);
const result: LoadResult = {
  claimMs: quantiles(samples.claim),
  completeMs: quantiles(samples.complete),
  heartbeatMs: quantiles(samples.heartbeat),
  leased,
  completed,
  heartbeats: samples.heartbeat.length,
  seconds: Math.max(0, lastAtMs - firstAtMs) / 1000,
  refusals,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
