import { setTimeout as delay } from 'node:timers/promises';
import { Client, Pool, type QueryResultRow } from 'pg';

/** Any number that nobody else locks. */
const GATE = 90_210;
const POLL_MS = 10;

export interface Held {
  readonly attemptId: string;
  readonly taskId: string;
  readonly epoch: number;
  readonly ordinal: number;
}

/** A transaction of the coordinator's that waits just before it changes a state. */
export interface Gate {
  /** Resolves when a coordinator has come to the change. @returns its name */
  reached(): Promise<string>;
  open(): Promise<void>;
}

/** Where the coordinator's transactions can be stopped: on leaving a state of a shot, or on accepting a result. */
export type GatePlace = { leaving: string } | 'accepting';

/** What the farm's database says, read as its owner; outages of Postgres are waited through. */
export class Ledger {
  readonly #pool: Pool;

  constructor(private readonly ownerUrl: string) {
    this.#pool = new Pool({ connectionString: ownerUrl, max: 3 });
    // A server that was stopped is noticed by the next query.
    this.#pool.on('error', () => undefined);
  }

  async rows<Row extends QueryResultRow>(sql: string, params: unknown[] = []): Promise<Row[]> {
    return (await this.#pool.query<Row>(sql, params)).rows;
  }

  async count(sql: string, params: unknown[] = []): Promise<number> {
    const [row] = await this.rows<{ n: string }>(`SELECT count(*) AS n FROM (${sql}) found`, params);
    return Number(row?.n);
  }

  /** Waits for a row. @throws Error that names the query when there is none in time */
  async until<Row extends QueryResultRow>(sql: string, params: unknown[], withinMs = 60_000): Promise<Row> {
    const endMs = performance.now() + withinMs;
    let last: unknown;
    while (performance.now() < endMs) {
      try {
        const [row] = await this.rows<Row>(sql, params);
        if (row !== undefined) return row;
        last = undefined;
      } catch (thrown) {
        last = thrown;
      }
      await delay(POLL_MS);
    }
    throw new Error(`in ${withinMs} ms there was no row: ${sql}`, { cause: last });
  }

  async state(shotId: string): Promise<string> {
    const [row] = await this.rows<{ state: string }>('SELECT state FROM shot_versions WHERE shot_id = $1', [shotId]);
    return row?.state ?? 'absent';
  }

  /** An attempt at work, by default a render: just leased, or with frames done. */
  async running(shotId: string, leastFrames: number, kind: 'analyse' | 'render' = 'render'): Promise<Held> {
    return await this.until<{ attemptId: string; taskId: string; epoch: number; ordinal: number }>(
      `${HELD} WHERE v.shot_id = $1 AND t.kind = $3::task_kind AND a.state = 'running' AND a.frames_done >= $2
       ORDER BY a.leased_at DESC LIMIT 1`,
      [shotId, leastFrames, kind],
    );
  }

  /** How often the shot's shards were leased. */
  async renderAttempts(shotId: string): Promise<number> {
    return await this.count(
      `SELECT a.id FROM attempts a JOIN tasks t ON t.id = a.task_id JOIN shot_versions v ON v.id = t.shot_version_id
       WHERE v.shot_id = $1 AND t.kind = 'render'`,
      [shotId],
    );
  }

  /** Waits until the lease ran out and somebody else has the task. */
  async expired({ attemptId }: Held): Promise<void> {
    await this.until(
      `SELECT 1 FROM attempts a JOIN tasks t ON t.id = a.task_id
       WHERE a.id = $1 AND a.state = 'expired' AND t.epoch > a.epoch`,
      [attemptId],
    );
  }

  /** How often the log says that this attempt's report came too late. */
  async refusals({ attemptId }: Held, report: string): Promise<number> {
    return await this.count(
      `SELECT 1 FROM audit_events WHERE action = 'attempt.refused_stale' AND subject_id = $1
       AND canonical::jsonb #>> '{data,report}' = $2`,
      [attemptId, report],
    );
  }

  async attempt(attemptId: string): Promise<(Held & { shotId: string | null; kind: string }) | undefined> {
    const sql = `${HELD} WHERE a.id = $1`;
    return (await this.rows<Held & { shotId: string | null; kind: string }>(sql, [attemptId]))[0];
  }

  /** Stops the coordinator's transactions at a place until the gate is opened. */
  async gate(place: GatePlace): Promise<Gate> {
    const holder = new Client({ connectionString: this.ownerUrl });
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query('SELECT pg_advisory_lock($1)', [GATE]);
    const table = place === 'accepting' ? 'attempts' : 'shot_versions';
    const when =
      place === 'accepting'
        ? `NEW.state = 'accepted' AND fault_is_render(NEW.task_id)`
        : `OLD.state = '${place.leaving}'`;
    await holder.query(`CREATE OR REPLACE FUNCTION fault_gate() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${GATE}); RETURN NEW; END $$`);
    await holder.query(`CREATE OR REPLACE FUNCTION fault_is_render(task uuid) RETURNS boolean LANGUAGE sql AS
      $$ SELECT kind = 'render' FROM tasks WHERE id = task $$`);
    await holder.query(`CREATE TRIGGER fault_gate BEFORE UPDATE OF state ON ${table} FOR EACH ROW
      WHEN (OLD.state <> NEW.state AND ${when}) EXECUTE FUNCTION fault_gate()`);
    const waiting = `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.objid = $1 AND NOT l.granted`;
    return {
      reached: async () => (await this.until<{ name: string }>(waiting, [GATE])).name,
      open: async () => {
        // Held no longer with its session, which a stop of the server has ended before.
        await holder.end().catch(() => undefined);
        await this.until(`SELECT 1`, []);
        await this.rows(`DROP TRIGGER fault_gate ON ${table}`);
      },
    };
  }

  /** Sentences about what must not be, over the whole farm; none when all is well. */
  async faults(): Promise<string[]> {
    const found: string[] = [];
    for (const [fault, sql] of Object.entries(MUST_NOT_BE)) {
      const n = await this.count(sql);
      if (n > 0) found.push(`${fault}: ${n}`);
    }
    return found;
  }

  /** @returns the names, without what `ending` matches of them, that the query does not find */
  async notOfUse(sql: string, names: readonly string[], ending = /$/): Promise<string[]> {
    const used = new Set((await this.#pool.query<string[]>({ text: sql, rowMode: 'array' })).rows.map(([id]) => id));
    return names.filter((name) => !used.has(name.replace(ending, '')));
  }

  /** What lanes failed in one trial sets none of them aside in the next. */
  async forgiveLanes(): Promise<void> {
    await this.#pool.query(`UPDATE lanes SET set_aside_until = NULL, host_faults = 0, recent_ends = '{}'`);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

const HELD = `SELECT a.id AS "attemptId", a.task_id AS "taskId", a.epoch, l.ordinal, t.kind, v.shot_id AS "shotId"
  FROM attempts a JOIN tasks t ON t.id = a.task_id JOIN lanes l ON l.id = a.lane_id
  LEFT JOIN shot_versions v ON v.id = t.shot_version_id`;

const MUST_NOT_BE = {
  'tasks with two accepted attempts': `SELECT task_id FROM attempts WHERE state = 'accepted' GROUP BY task_id HAVING count(*) > 1`,
  'tasks whose acceptance is in the log twice': `SELECT canonical::jsonb #>> '{data,task}' FROM audit_events
    WHERE action = 'attempt.accepted' GROUP BY 1 HAVING count(*) > 1`,
  'attempts still at work': `SELECT id FROM attempts WHERE state IN ('running', 'reported')`,
  'tasks that wait for nobody': `SELECT id FROM tasks WHERE state IN ('pending', 'leased', 'reported')`,
  'accepted tasks without their accepted attempt': `SELECT t.id FROM tasks t WHERE t.state = 'accepted' AND NOT EXISTS
    (SELECT 1 FROM attempts a WHERE a.task_id = t.id AND a.epoch = t.epoch AND a.state = 'accepted')`,
  'segments of no accepted attempt': `SELECT s.task_id FROM segments s JOIN tasks t ON t.id = s.task_id WHERE NOT EXISTS
    (SELECT 1 FROM attempts a WHERE a.task_id = s.task_id AND a.epoch = s.epoch AND a.state = 'accepted')
    OR t.state <> 'accepted'`,
  'rendered shards without a segment': `SELECT t.id FROM tasks t WHERE t.kind = 'render' AND t.state = 'accepted'
    AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.task_id = t.id)`,
  'ready shots without one delivery': `SELECT v.id FROM shot_versions v LEFT JOIN deliveries d ON d.shot_version_id = v.id
    WHERE v.state IN ('ready', 'released') GROUP BY v.id HAVING count(d.id) <> 1`,
};
