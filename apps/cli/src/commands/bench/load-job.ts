import { z } from 'zod';

/** What the process of simulated lanes is told on its standard input. */
export const LoadJob = z.object({
  host: z.string(),
  /** Of the coordinators; the lanes are dealt out to them. */
  ports: z.array(z.int()).min(1),
  lanes: z.array(z.object({ laneId: z.string(), token: z.string() })),
  /** Shards there are to complete; no lane asks for more once so many were leased. */
  shards: z.int(),
  holdMs: z.number(),
  /** From one lease of a lane to its next, whatever the coordinator takes: the load does not wait for it. */
  periodMs: z.number(),
  heartbeatMs: z.number(),
  /** Gives up then, with what there is. */
  limitMs: z.number(),
});
export type LoadJob = z.infer<typeof LoadJob>;

const Quantiles = z.object({ p50: z.number(), p99: z.number() });
export type Quantiles = z.infer<typeof Quantiles>;

/** What it says in the end. Latencies count from the moment a request was due, not from when it was sent. */
export const LoadResult = z.object({
  claimMs: Quantiles,
  completeMs: Quantiles,
  heartbeatMs: Quantiles,
  /** Leases given, acceptances answered. */
  leased: z.int(),
  /** The tasks whose completion was answered with success, once for each time. */
  completed: z.array(z.string()),
  heartbeats: z.int(),
  /** From the first acceptance to the last, seconds. */
  seconds: z.number(),
  /** Answers that were no success, by status or fault. */
  refusals: z.record(z.string(), z.int()),
});
export type LoadResult = z.infer<typeof LoadResult>;

/** By nearest rank; 0 of nothing. */
export function quantiles(samples: readonly number[]): Quantiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: tenths(at(0.5)), p99: tenths(at(0.99)) };
}

export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
