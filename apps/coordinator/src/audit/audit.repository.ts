import { Inject, Injectable } from '@nestjs/common';
import { AuditEvent } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { DATABASE } from '../platform/tokens.js';
import { AUDIT_LOCK } from './audit-writer.js';

export interface AuditQuery {
  readonly limit: number;
  /** Only events before this one. */
  readonly before?: bigint | undefined;
  readonly projectId?: string | undefined;
}

export interface NumberedEvent {
  readonly sequence: bigint;
  readonly event: AuditEvent;
}

const LEAVES_A_PAGE = 5000;

@Injectable()
export class AuditRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Newest first; what is shown is what was hashed. */
  async list(actor: Actor, { limit, before, projectId }: AuditQuery): Promise<NumberedEvent[]> {
    const rows = await this.database.prisma.auditEvent.findMany({
      where: {
        AND: [
          accessibleTo(actor.ability, 'read', 'AuditEvent'),
          projectId === undefined ? {} : { projectId },
          before === undefined ? {} : { sequence: { lt: before } },
        ],
      },
      select: { sequence: true, canonical: true },
      orderBy: { sequence: 'desc' },
      take: limit,
    });
    return rows.map(({ sequence, canonical }) => ({ sequence, event: AuditEvent.parse(JSON.parse(canonical)) }));
  }

  /** The newest number below which nothing is still to come: writers at work are waited for, new ones for a moment. */
  settled(): Promise<bigint> {
    return this.database.hotTransaction(async (sql: Sql) => {
      await sql.query(`SET LOCAL lock_timeout = '5s'`);
      await sql.query('SELECT pg_advisory_xact_lock($1)::text', [AUDIT_LOCK]);
      const [row] = await sql.query<{ newest: bigint }>(
        'SELECT coalesce(max(sequence), 0) AS newest FROM audit_events',
      );
      return row?.newest ?? 0n;
    });
  }

  /** Leaf hashes up to `newest`, in order, a page at a time. */
  async *leaves(newest: bigint): AsyncGenerator<Uint8Array> {
    let after = 0n;
    for (;;) {
      const rows = await this.database.query<{ sequence: bigint; leaf: Uint8Array }>(
        `SELECT sequence, leaf_hash AS leaf FROM audit_events
         WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence LIMIT ${LEAVES_A_PAGE}`,
        [after, newest],
      );
      for (const row of rows) yield row.leaf;
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.sequence;
    }
  }
}
