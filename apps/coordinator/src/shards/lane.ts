import type { LaneCapabilities, ParityClass, TaskKind } from '@understudy/contracts';
import type { PlacementLane } from '@understudy/policy';

/** A registered lane, as a claim needs it. */
export interface Lane {
  readonly id: string;
  readonly workerId: string;
  readonly kinds: readonly TaskKind[];
  readonly parityClass: string;
  /** What it can do, as JSON for the database's `lane_can`; equal texts, equal abilities. */
  readonly can: string;
  /** It gets no work: drained by an operator, or set aside for its failures. */
  readonly isOff: boolean;
}

export interface LaneDescription {
  readonly id: string;
  readonly workerId: string;
  readonly capabilities: LaneCapabilities;
  readonly parityClass: string;
  readonly pools?: readonly string[];
  readonly isOff?: boolean;
  /** The projects that its worker is tied to; null for any. */
  readonly projects?: readonly string[] | null;
}

/** A parity class in one line: equal lines, equal samples. */
export function parityLine({ provider, precision, runtime, instructionSet, batch }: ParityClass): string {
  return [provider, precision, runtime, instructionSet, `batch${batch}`].join(' ');
}

/** What a lane can do, as placement looks at it. */
export function abilityOf({
  capabilities,
  parityClass,
  pools = [],
  projects = null,
}: Omit<LaneDescription, 'id' | 'workerId'>): PlacementLane {
  const { kinds, vramMiB, computeCapability = 0, packs } = capabilities;
  const { provider, precision } = capabilities.parityClass;
  return {
    kinds: kinds.toSorted(),
    provider,
    precision,
    parityClass,
    vramMiB,
    computeCapability,
    models: packs.toSorted(),
    pools: pools.toSorted(),
    ...(projects === null ? {} : { projects: projects.toSorted() }),
  };
}

export function laneOf(row: LaneDescription): Lane {
  const { id, workerId, capabilities, parityClass, isOff = false } = row;
  return { id, workerId, kinds: capabilities.kinds, parityClass, can: JSON.stringify(abilityOf(row)), isOff };
}
