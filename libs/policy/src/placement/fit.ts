import type { LaneCapabilities, TaskKind } from '@understudy/contracts';

/** What a lane can do, as it registered, and what it holds already. */
export interface PlacementLane {
  readonly kinds: readonly TaskKind[];
  readonly provider: LaneCapabilities['parityClass']['provider'];
  readonly precision: LaneCapabilities['parityClass']['precision'];
  /** One line: equal lines, equal samples. */
  readonly parityClass: string;
  readonly vramMiB: number;
  /** Of its GPU, tenths: 8.6 is 86; 0 of a processor. */
  readonly computeCapability: number;
  /** Ids of the model packs that passed their self-test there. */
  readonly models: readonly string[];
  /** Pools it works for besides everybody's. */
  readonly pools: readonly string[];
  /** The projects that its worker is tied to; absent for any. */
  readonly projects?: readonly string[];
}

/** What work asks of a lane; what is absent is not asked. */
export interface Requirements {
  readonly kind: TaskKind;
  readonly providers?: readonly PlacementLane['provider'][];
  readonly precision?: PlacementLane['precision'];
  readonly leastVramMiB?: number;
  readonly leastComputeCapability?: number;
  /** The class that the shot's lanes share; null until the first of them renders. */
  readonly parityClass?: string | null;
  readonly models?: readonly string[];
  /** Only lanes of this pool. */
  readonly pool?: string;
  /** Whose work it is. */
  readonly projectId?: string;
}

export const MISFITS = [
  'KIND',
  'PARITY_CLASS',
  'PROVIDER',
  'PRECISION',
  'VRAM',
  'COMPUTE_CAPABILITY',
  'MODEL',
  'POOL',
  'PROJECT',
] as const;
export type Misfit = (typeof MISFITS)[number];

/** Everything that keeps the lane from this work, in the order of `MISFITS`; empty when it fits. */
export function misfits(lane: PlacementLane, work: Requirements): Misfit[] {
  const { parityClass = null } = work;
  const checks: Record<Misfit, boolean> = {
    KIND: !lane.kinds.includes(work.kind),
    PARITY_CLASS: parityClass !== null && parityClass !== lane.parityClass,
    PROVIDER: work.providers !== undefined && !work.providers.includes(lane.provider),
    PRECISION: work.precision !== undefined && work.precision !== lane.precision,
    VRAM: lane.vramMiB < (work.leastVramMiB ?? 0),
    COMPUTE_CAPABILITY: lane.computeCapability < (work.leastComputeCapability ?? 0),
    MODEL: (work.models ?? []).some((model) => !lane.models.includes(model)),
    POOL: work.pool !== undefined && !lane.pools.includes(work.pool),
    PROJECT: work.projectId !== undefined && lane.projects?.includes(work.projectId) === false,
  };
  return MISFITS.filter((misfit) => checks[misfit]);
}
