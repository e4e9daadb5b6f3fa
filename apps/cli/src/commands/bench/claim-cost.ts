import type { BenchFarm } from './bench-farm.js';
import { HttpLine } from './http-line.js';
import { type Quantiles, quantiles } from './load-job.js';
import { seedShots } from './seed.js';

export interface ClaimCost extends Quantiles {
  readonly pending: number;
}

const STEPS = [1_000, 10_000, 100_000, 1_000_000];
const SHARDS_A_SHOT = 500;
const CLAIMS = 300;
const WARM_UP = 100;

/** What one claim takes, alone on the machine and one after another, under more and more pending shards. */
export async function claimCosts(
  farm: BenchFarm,
  most: number,
  { onStep, signal }: { onStep: (step: string) => void; signal: AbortSignal },
): Promise<ClaimCost[]> {
  const costs: ClaimCost[] = [];
  // Nothing is completed here: leases must outlast the seeding.
  await farm.startCoordinators(1, { LEASE_SECONDS: '3600' });
  const [lane] = await farm.addLanes(1);
  if (lane === undefined) return costs;
  const line = new HttpLine(farm.address, lane.token);
  const claim = async (): Promise<number> => {
    const startedMs = performance.now();
    const { status, body } = await line.post(`/api/v1/lanes/${lane.laneId}/lease`, { waitSeconds: 0 });
    if (status !== 200 || (body as { lease: unknown }).lease === null) throw new Error(`no lease: ${status}`);
    return performance.now() - startedMs;
  };
  let pending = 0;
  for (const step of STEPS.filter((count) => count <= most)) {
    signal.throwIfAborted();
    onStep(`seeding ${step} pending shards`);
    const shots = Math.max(2, Math.round((step - pending) / SHARDS_A_SHOT));
    await seedShots(farm, { name: `pending ${step}`, shots, shardsEach: Math.ceil((step - pending) / shots) });
    await farm.owner.query('VACUUM ANALYZE');
    // What the seeding left to be written out would be paid by the claims.
    await farm.owner.query('CHECKPOINT');
    for (let n = 0; n < WARM_UP; n += 1) await claim();
    const samples: number[] = [];
    for (let n = 0; n < CLAIMS; n += 1) samples.push(await claim());
    pending = step - WARM_UP - CLAIMS;
    const cost = { pending: step, ...quantiles(samples) };
    costs.push(cost);
    onStep(`a claim under ${step} pending: p50 ${cost.p50} ms, p99 ${cost.p99} ms`);
  }
  line.close();
  return costs;
}
