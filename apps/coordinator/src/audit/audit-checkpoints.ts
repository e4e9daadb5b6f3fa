import { Inject, Injectable } from '@nestjs/common';
import type { AuditCheckpoint } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { merkleRoot } from '@understudy/tlog';
import type { z } from 'zod';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { AUDIT_LOCK } from './audit-writer.js';

/** Size and root of the log at a moment when no write was under way. */
@Injectable()
export class AuditCheckpoints {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async current(): Promise<z.output<typeof AuditCheckpoint>> {
    return this.database.hotTransaction(async (sql) => {
      await sql.query(`SELECT pg_advisory_xact_lock(${AUDIT_LOCK})::text`);
      const rows = await sql.query<{ leafHash: Uint8Array }>(
        'SELECT leaf_hash AS "leafHash" FROM audit_events ORDER BY sequence',
      );
      const root = merkleRoot(rows.map(({ leafHash }) => leafHash));
      return { size: rows.length, rootHash: Buffer.from(root).toString('hex'), at: this.clock.now().toISOString() };
    });
  }
}
