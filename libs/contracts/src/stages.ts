import { z } from 'zod';
import { Uuid } from './ids.js';
import { ShotState } from './shots.js';

const OfShotVersion = z.object({ shotVersionId: Uuid });

/**
 * What the queue carries, by stage. A job holds ids alone: its handler reads the truth from the database, so a job that
 * comes late, twice or after a restart finds what is so now.
 */
export const STAGES = {
  /** A face template from an enrol task's accepted result. */
  template: z.object({ taskId: Uuid }),
  ingest: OfShotVersion,
  link: OfShotVersion,
  plan: OfShotVersion,
  assemble: OfShotVersion,
  verify: OfShotVersion,
  /** An event on its way to a webhook. */
  notify: z.object({ webhookDeliveryId: Uuid }),
  /** What a version did until it settled so, on its way to a collector of traces. */
  trace: OfShotVersion.extend({ state: ShotState }),
} as const satisfies Record<string, z.ZodType>;

export type StageName = keyof typeof STAGES;
export type StageData<Stage extends StageName> = z.output<(typeof STAGES)[Stage]>;

export const STAGE_NAMES = Object.keys(STAGES) as StageName[];

export function isStageName(value: unknown): value is StageName {
  return typeof value === 'string' && Object.hasOwn(STAGES, value);
}
