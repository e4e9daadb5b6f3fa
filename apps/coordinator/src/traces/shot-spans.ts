import { SETTLED_SHOT_STATES, type ShotState } from '@understudy/contracts';
import { spanIdOf, traceContextOf } from './trace-context.js';

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly start: Date;
  readonly end: Date;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failed: boolean;
}

export interface StateChange {
  readonly from: ShotState;
  readonly to: ShotState;
  readonly at: Date;
}

export interface TracedAttempt {
  readonly id: string;
  readonly taskId: string;
  readonly laneId: string;
  readonly kind: 'analyse' | 'render';
  readonly epoch: number;
  readonly startFrame: number;
  readonly endFrame: number;
  readonly state: string;
  readonly errorCode: string | null;
  readonly leasedAt: Date;
  readonly reportedAt: Date | null;
  readonly endedAt: Date | null;
  /** What its lane says each part of the work took, in milliseconds; parts run side by side. */
  readonly timingsMs: Readonly<Record<string, number>> | null;
}

export interface TracedVersion {
  readonly id: string;
  readonly shotId: string;
  readonly projectId: string;
  readonly traceparent: string | null;
  readonly createdAt: Date;
  /** Oldest first. */
  readonly changes: readonly StateChange[];
  readonly attempts: readonly TracedAttempt[];
}

/** Of attempts, the state of the shot that they are part of. */
const STATE_OF_KIND = { analyse: 'analysing', render: 'rendering' } as const;

/**
 * What a version did since it settled before, until it settled as `state`: a span for the whole at the first time, one for
 * each state it was in, in these the attempts of lanes, in these the upload and its verification. Ids and codes alone.
 */
export function shotSpans(version: TracedVersion, state: ShotState): Span[] {
  const { changes, createdAt } = version;
  const last = changes.findLastIndex(({ to }) => to === state);
  const settled = changes[last];
  if (settled === undefined) return [];
  const before = changes.slice(0, last).findLastIndex(({ to }) => SETTLED_SHOT_STATES.includes(to));
  const since = changes[before]?.at ?? createdAt;
  const context = traceContextOf(version.id, version.traceparent);
  const rootId = spanIdOf(version.id);
  const make = (span: Omit<Span, 'traceId' | 'failed'> & { failed?: boolean }): Span => ({
    failed: false,
    ...span,
    traceId: context.traceId,
  });
  const root = make({
    spanId: rootId,
    parentSpanId: context.parentSpanId,
    name: 'shot',
    start: createdAt,
    end: settled.at,
    failed: state === 'failed' || state === 'revoked',
    attributes: {
      'understudy.project': version.projectId,
      'understudy.shot': version.shotId,
      'understudy.shot_version': version.id,
      'understudy.state': state,
    },
  });
  const stages = changes.slice(before + 1, last + 1).map(({ from, at: end, to }, n) => {
    const start = changes[before + n]?.at ?? createdAt;
    const spanId = spanIdOf(version.id, from, start.toISOString());
    return make({ spanId, parentSpanId: rootId, name: from, start, end, attributes: { 'understudy.next': to } });
  });
  const attempts = version.attempts
    .filter(({ leasedAt }) => leasedAt >= since && leasedAt <= settled.at)
    .flatMap((attempt) => {
      const stage = stages.find(
        ({ name, start, end }) =>
          name === STATE_OF_KIND[attempt.kind] && start <= attempt.leasedAt && attempt.leasedAt <= end,
      );
      return attemptSpans(attempt, stage?.spanId ?? rootId, settled.at).map(make);
    });
  return [...(before < 0 ? [root] : []), ...stages, ...attempts];
}

function attemptSpans(attempt: TracedAttempt, parentSpanId: string, settledAt: Date): Omit<Span, 'traceId'>[] {
  const { id, leasedAt, reportedAt, endedAt, timingsMs } = attempt;
  const end = endedAt ?? settledAt;
  const spanId = spanIdOf('attempt', id);
  const parts = Object.entries(timingsMs ?? {}).map(([part, ms]) => [`understudy.lane_ms.${part}`, ms] as const);
  const own = {
    spanId,
    parentSpanId,
    name: `attempt ${attempt.kind}`,
    start: leasedAt,
    end,
    failed: attempt.state !== 'accepted',
    attributes: {
      'understudy.attempt': id,
      'understudy.task': attempt.taskId,
      'understudy.lane': attempt.laneId,
      'understudy.epoch': attempt.epoch,
      'understudy.start_frame': attempt.startFrame,
      'understudy.end_frame': attempt.endFrame,
      'understudy.state': attempt.state,
      ...(attempt.errorCode === null ? {} : { 'error.type': attempt.errorCode }),
      ...Object.fromEntries(parts),
    },
  };
  if (reportedAt === null) return [own];
  const part = (name: string, from: Date, to: Date) => ({
    spanId: spanIdOf('attempt', id, name),
    parentSpanId: spanId,
    name,
    start: from,
    end: to,
    failed: false,
    attributes: {},
  });
  const uploadMs = timingsMs?.['upload'];
  const upload =
    uploadMs === undefined
      ? []
      : [part('upload', new Date(Math.max(leasedAt.getTime(), reportedAt.getTime() - uploadMs)), reportedAt)];
  return [own, ...upload, part('verify segment', reportedAt, end)];
}
