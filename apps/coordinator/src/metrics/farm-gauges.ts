import { Inject, Injectable } from '@nestjs/common';
import type { Database } from '@understudy/db';
import { Gauge } from 'prom-client';
import { DATABASE } from '../platform/tokens.js';
import { Metrics } from './metrics.js';

/** Counting all that waits costs more the more it is; scrapes within this time share one look. */
const KEPT_MS = 5_000;

/** Each part by an index of its own. */
const TASKS = `
  SELECT coalesce(project_id::text, 'none') AS project, kind::text AS kind,
         CASE WHEN state <> 'pending' THEN 'running' WHEN held THEN 'held' ELSE 'pending' END AS state, count(*)::int AS count,
         coalesce(extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE state = 'pending')), 0)::float8 AS oldest
    FROM tasks
   WHERE state = 'pending' AND NOT held OR state = 'pending' AND held OR state IN ('leased', 'reported') GROUP BY 1, 2, 3`;
const LANES = `
  SELECT CASE WHEN state = 'lost' THEN 'lost' WHEN drained_at IS NOT NULL THEN 'drained'
              WHEN set_aside_until > clock_timestamp() THEN 'set_aside' ELSE state::text END AS state, count(*)::int AS count
    FROM lanes GROUP BY 1`;
const SHOTS = `SELECT state::text AS state, count(*)::int AS count FROM shot_versions GROUP BY 1`;
const LANE_STATES = ['idle', 'busy', 'draining', 'drained', 'set_aside', 'lost'];

/** The farm as its tables have it; every replica tells the same. */
@Injectable()
export class FarmGauges {
  #lookedAt = -Infinity;
  readonly #tasks: Gauge;
  readonly #oldest: Gauge;
  readonly #lanes: Gauge;
  readonly #shots: Gauge;
  readonly #wanted: Gauge;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly metrics: Metrics,
  ) {
    const registers = [metrics.registry];
    const labelNames = ['project', 'kind', 'state'];
    this.#tasks = new Gauge({
      name: 'understudy_tasks',
      help: 'Tasks that wait or run; held: of shots that are paused or wait for others.',
      labelNames,
      registers,
    });
    this.#oldest = new Gauge({
      name: 'understudy_oldest_pending_seconds',
      help: 'Age of the oldest task that waits.',
      labelNames: ['project', 'kind'],
      registers,
    });
    this.#lanes = new Gauge({ name: 'understudy_lanes', help: 'Lanes by state.', labelNames: ['state'], registers });
    this.#shots = new Gauge({
      name: 'understudy_shot_versions',
      help: 'Shot versions by state.',
      labelNames: ['state'],
      registers,
    });
    this.#wanted = new Gauge({
      name: 'understudy_lanes_wanted',
      help: 'Lanes that would all have work now: tasks that wait or run, without those that are held. Scale workers on it.',
      registers,
    });
  }

  async text(): Promise<string> {
    if (performance.now() - this.#lookedAt > KEPT_MS) {
      await this.#look();
      this.#lookedAt = performance.now();
    }
    return await this.metrics.registry.metrics();
  }

  async #look(): Promise<void> {
    const [tasks, lanes, shots] = await Promise.all([
      this.database.query<{ project: string; kind: string; state: string; count: number; oldest: number }>(TASKS),
      this.database.query<{ state: string; count: number }>(LANES),
      this.database.query<{ state: string; count: number }>(SHOTS),
    ]);
    for (const gauge of [this.#tasks, this.#oldest, this.#shots]) gauge.reset();
    for (const { project, kind, state, count, oldest } of tasks) {
      this.#tasks.set({ project, kind, state }, count);
      if (state === 'pending') this.#oldest.set({ project, kind }, oldest);
    }
    for (const state of LANE_STATES) this.#lanes.set({ state }, lanes.find((row) => row.state === state)?.count ?? 0);
    for (const { state, count } of shots) this.#shots.set({ state }, count);
    this.#wanted.set(tasks.reduce((sum, { state, count }) => (state === 'held' ? sum : sum + count), 0));
  }
}
