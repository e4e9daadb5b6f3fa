import type { StageName } from '@understudy/contracts';

/** Queues apart from each other, with workers of their own: what is slow in one holds up nothing in another. */
export const LINES = ['stages', 'outside'] as const;
export type Line = (typeof LINES)[number];

/** Jobs of each line at once in one process. */
export type JobsAtOnce = Readonly<Record<Line, number>>;

/** What waits for somebody else's server goes apart from what a shot waits for. */
export const LINE_OF_STAGE: Readonly<Record<StageName, Line>> = {
  template: 'stages',
  ingest: 'stages',
  link: 'stages',
  plan: 'stages',
  assemble: 'stages',
  verify: 'stages',
  notify: 'outside',
  trace: 'outside',
};
