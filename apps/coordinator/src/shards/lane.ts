import type { LaneCapabilities, ParityClass, TaskKind } from '@understudy/contracts';

/** A registered lane, as a claim needs it. */
export interface Lane {
  readonly id: string;
  readonly workerId: string;
  readonly kinds: readonly TaskKind[];
  readonly parityClass: string;
}

/** A parity class in one line: equal lines, equal samples. */
export function parityLine({ provider, precision, runtime, instructionSet, batch }: ParityClass): string {
  return [provider, precision, runtime, instructionSet, `batch${batch}`].join(' ');
}

export function laneOf(row: {
  id: string;
  workerId: string;
  capabilities: LaneCapabilities;
  parityClass: string;
}): Lane {
  return { id: row.id, workerId: row.workerId, kinds: row.capabilities.kinds, parityClass: row.parityClass };
}
