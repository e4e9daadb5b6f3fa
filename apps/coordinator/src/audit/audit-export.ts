import { once } from 'node:events';
import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { asSubject } from '@understudy/policy';
import { EXPORT_FORMAT, type ExportLine } from '@understudy/tlog';
import type { Response } from 'express';
import type { Actor } from '../access/actor.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { LogKey } from './log-key.js';
import { PersonalData } from './personal-data.js';
import { RecordedRowsRepository } from './recorded-rows.repository.js';
import { TreeRepository } from './tree.repository.js';

const LEAVES_A_PAGE = 2000;
/** Lines are gathered to this many characters before they are sent. */
const CHUNK = 1 << 16;

type Sees = (canonical: string) => boolean;

/** @returns undefined for what is no event any more: whoever verifies must get to see that */
function projectOf(canonical: string): string | null | undefined {
  try {
    const { projectId } = JSON.parse(canonical) as { projectId?: unknown };
    return typeof projectId === 'string' || projectId === null ? projectId : undefined;
  } catch {
    return undefined;
  }
}

/** Which events the actor may see, by the project that the event itself names: its columns could have been changed. */
function sight({ ability }: Actor): Sees {
  const known = new Map<string | null, boolean>();
  return (canonical) => {
    const projectId = projectOf(canonical);
    if (projectId === undefined) return true;
    const seen = known.get(projectId) ?? ability.can('read', asSubject('AuditEvent', { projectId }));
    known.set(projectId, seen);
    return seen;
  };
}

/** The log and the rows it speaks of, read in one snapshot, a page at a time. */
@Injectable()
export class AuditExport {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly key: LogKey,
    private readonly checkpoints: AuditCheckpoints,
    private readonly tree: TreeRepository,
    private readonly rows: RecordedRowsRepository,
    private readonly personal: PersonalData,
  ) {}

  async send(actor: Actor, response: Response): Promise<void> {
    const { note } = await this.checkpoints.current();
    response.status(200).set({ 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' });
    await this.database.hotTransaction(async (sql) => {
      await sql.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      let chunk = '';
      for await (const line of this.#lines(sql, actor, note)) {
        chunk += `${JSON.stringify(line)}\n`;
        if (chunk.length < CHUNK) continue;
        await write(response, chunk);
        if (response.destroyed) return;
        chunk = '';
      }
      await write(response, chunk);
    });
    response.end();
  }

  async *#lines(sql: Sql, actor: Actor, ifEmpty: string): AsyncGenerator<ExportLine> {
    const newest = await this.tree.newest(sql);
    const projectIds = actor.memberships
      .filter(({ projectId }) => actor.ability.can('read', asSubject('AuditEvent', { projectId })))
      .map(({ projectId }) => projectId);
    const farm = actor.ability.can('read', asSubject('AuditEvent', { projectId: null }));
    yield {
      kind: 'log',
      format: EXPORT_FORMAT,
      checkpoint: newest?.note ?? ifEmpty,
      verifierKey: this.key.verifierKey,
      at: this.clock.now().toISOString(),
      tables: this.rows.tables(farm),
    };
    const sees = sight(actor);
    const leaves = { count: 0 };
    yield* this.#leaves(sql, sees, leaves);
    yield* this.#pending(sql, sees, newest?.settledBefore ?? 0n);
    let rows = 0;
    for await (const row of this.rows.rows(sql, projectIds, farm)) {
      rows += 1;
      yield { kind: 'row', ...row };
    }
    yield { kind: 'end', leaves: leaves.count, rows };
  }

  /** Every leaf that there is, and no number that there should be: what is missing must show. */
  async *#leaves(sql: Sql, sees: Sees, counted: { count: number }): AsyncGenerator<ExportLine> {
    for (let after = -1; ;) {
      const page = await sql.query<{ index: bigint; hash: Buffer; id: string | null; event: string | null }>(
        `SELECT l.index, l.hash, e.id, e.canonical AS event FROM audit_leaves l
           LEFT JOIN audit_events e ON e.sequence = l.event_sequence
          WHERE l.index > $1 ORDER BY l.index LIMIT ${LEAVES_A_PAGE}`,
        [after],
      );
      const seen = page.flatMap(({ id, event }) =>
        id !== null && event !== null && sees(event) ? [{ id, canonical: event }] : [],
      );
      const openings = await this.personal.openings(seen, sql);
      for (const { index, hash, id, event } of page) {
        const leaf = { kind: 'leaf', index: Number(index), hash: hash.toString('hex') } as const;
        const opened = id === null ? undefined : openings.get(id);
        if (event === null) yield leaf;
        else if (!sees(event)) yield { ...leaf, hidden: true };
        else yield opened === undefined ? { ...leaf, event } : { ...leaf, event, openings: opened };
      }
      counted.count += page.length;
      const last = page.at(-1);
      if (last === undefined) return;
      after = Number(last.index);
    }
  }

  async *#pending(sql: Sql, sees: Sees, settledBefore: bigint): AsyncGenerator<ExportLine> {
    const horizon = await this.tree.horizon(sql);
    const rows = await sql.query<{ event: string }>(
      `SELECT e.canonical AS event FROM audit_events e
        WHERE e.written_in >= $1 AND NOT EXISTS (SELECT 1 FROM audit_leaves l WHERE l.event_sequence = e.sequence)
        ORDER BY e.sequence`,
      [horizon < settledBefore ? 0n : settledBefore],
    );
    for (const { event } of rows) if (sees(event)) yield { kind: 'pending', event };
  }
}

/** Waits for a slow reader instead of keeping the log in memory. */
async function write(response: Response, text: string): Promise<void> {
  if (response.destroyed || response.write(text)) return;
  await Promise.race([once(response, 'drain'), once(response, 'close')]);
}
