import { Injectable } from '@nestjs/common';
import { toUnderstudyError } from '@understudy/contracts';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Report = 'heartbeat' | 'complete' | 'fail' | 'release' | 'upload' | 'log';

/** What a lane reports to, by the last part of its address. */
const REPORTS: Readonly<Record<string, Report>> = {
  heartbeat: 'heartbeat',
  complete: 'complete',
  fail: 'fail',
  release: 'release',
  log: 'log',
  result: 'upload',
};
const OF_ATTEMPT = /^\/api\/v1\/attempts\/[^/]+\/([a-z]+)$/;
const OF_LANE = /^\/api\/v1\/lanes\/[^/]+\/lease$/;

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const STAGE_SECONDS = [0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200];

/**
 * What this process has counted since it started; each replica counts what it did itself. Counted when the answer is
 * known, so after the transaction was committed or taken back.
 */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  /** Errors that were counted where they arose. */
  readonly #counted = new WeakSet<object>();
  readonly #claims = new Counter({
    name: 'understudy_claims_total',
    help: 'Requests for work, by what they got: a lease, nothing, or an error code.',
    labelNames: ['outcome', 'kind'],
    registers: [this.registry],
  });
  readonly #claimSeconds = new Histogram({
    name: 'understudy_claim_seconds',
    help: 'How long a request for work that got some was held, waiting for work included.',
    buckets: SECONDS,
    registers: [this.registry],
  });
  readonly #reports = new Counter({
    name: 'understudy_reports_total',
    help: 'Reports of lanes, by whether they counted: taken, or the code by which each was refused. STALE_EPOCH: superseded.',
    labelNames: ['report', 'outcome'],
    registers: [this.registry],
  });
  readonly #expired = new Counter({
    name: 'understudy_leases_expired_total',
    help: 'Leases that this process ended because their lanes went silent or made no progress.',
    labelNames: ['why'],
    registers: [this.registry],
  });
  readonly #stageSeconds = new Histogram({
    name: 'understudy_stage_seconds',
    help: 'How long the stages between submission and delivery took, by how they ended.',
    labelNames: ['stage', 'outcome'],
    buckets: STAGE_SECONDS,
    registers: [this.registry],
  });

  readonly #missing = new Gauge({
    name: 'understudy_objects_missing',
    help: 'Objects that rows name and the store does not have, at the last look.',
    registers: [this.registry],
  });
  readonly #orphans = new Counter({
    name: 'understudy_objects_orphaned_total',
    help: 'Objects that no row named and that this process deleted.',
    registers: [this.registry],
  });

  readonly #spans = new Counter({
    name: 'understudy_spans_total',
    help: 'Spans of traces that this process sent to the collector, and those it gave up.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  readonly #logFailures = new Counter({
    name: 'understudy_audit_log_failures_total',
    help: 'Turns in which the audit log could not be compared with its anchor, extended or anchored, by the error code.',
    labelNames: ['code'],
    registers: [this.registry],
  });

  /** Counts a request for work by its answer, and hands the answer on. */
  async claim<Lease extends { readonly kind: string }>(asked: Promise<Lease | null>): Promise<Lease | null> {
    const startedAt = performance.now();
    try {
      const lease = await asked;
      this.#claims.inc({ outcome: lease === null ? 'nothing' : 'lease', kind: lease?.kind ?? 'none' });
      if (lease !== null) this.#claimSeconds.observe((performance.now() - startedAt) / 1000);
      return lease;
    } catch (thrown) {
      this.#refuseClaim(thrown);
      throw thrown;
    }
  }

  /** Counts a lane's report by whether it counted, and hands the answer on. */
  async report<Answer>(report: Report, answer: Promise<Answer>): Promise<Answer> {
    try {
      const taken = await answer;
      this.#reports.inc({ report, outcome: 'taken' });
      return taken;
    } catch (thrown) {
      this.#refuseReport(report, thrown);
      throw thrown;
    }
  }

  /**
   * Counts what a lane asked or reported and was refused before anybody looked into it: who is not known, may not, or sent what
   * no lane sends. An error that was counted already, or is another request's, is not.
   */
  refused({ method, path }: { method: string; path: string }, thrown: unknown): void {
    if (thrown instanceof Error && this.#counted.has(thrown)) return;
    if (method === 'POST' && OF_LANE.test(path)) return this.#refuseClaim(thrown);
    const report = REPORTS[OF_ATTEMPT.exec(path)?.[1] ?? ''];
    if (report !== undefined) this.#refuseReport(report, thrown);
  }

  #refuseClaim(thrown: unknown): void {
    this.#claims.inc({ outcome: toUnderstudyError(thrown).code, kind: 'none' });
    if (thrown instanceof Error) this.#counted.add(thrown);
  }

  #refuseReport(report: Report, thrown: unknown): void {
    this.#reports.inc({ report, outcome: toUnderstudyError(thrown).code });
    if (thrown instanceof Error) this.#counted.add(thrown);
  }

  objects({ missing, orphans }: { missing: number; orphans: number }): void {
    this.#missing.set(missing);
    this.#orphans.inc(orphans);
  }

  spans(outcome: 'sent' | 'dropped', count: number): void {
    this.#spans.inc({ outcome }, count);
  }

  logTurnFailed(code: string): void {
    this.#logFailures.inc({ code });
  }

  expired(why: 'silent' | 'stuck', count: number): void {
    if (count > 0) this.#expired.inc({ why }, count);
  }

  stage(stage: string, outcome: 'done' | 'again' | 'failed', ms: number): void {
    this.#stageSeconds.observe({ stage, outcome }, ms / 1000);
  }
}
