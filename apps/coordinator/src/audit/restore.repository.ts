import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Restore } from '@understudy/contracts';
import { type Database, RecordSeals, sealRows, type Sql } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';

/** What is anchored and what is there: an acceptance is of these two and of no others. */
export interface Heads {
  readonly anchored: NonNullable<Restore['anchored']>;
  readonly log: Restore['log'];
}

export interface RestoreRow {
  readonly id: string;
  readonly reason: string;
  readonly askedBy: string;
  readonly approvedBy: string | null;
  readonly expiresAt: Date;
}

/** One that nobody accepts runs out. */
const WAIT_HOURS = 24;

const OF_HEADS = `
  SELECT id, reason, asked_by AS "askedBy", approved_by AS "approvedBy", expires_at AS "expiresAt" FROM restore_acceptances
   WHERE anchored_size = $1 AND anchored_root = $2 AND log_size = $3 AND log_root = $4
     AND used_at IS NULL AND (approved_by IS NOT NULL OR expires_at > now())
   ORDER BY created_at LIMIT 1`;
const columnsOf = ({ anchored, log }: Heads) => [anchored.size, anchored.rootHash, log.size, log.rootHash] as const;

@Injectable()
export class RestoreRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly seals: RecordSeals,
  ) {}

  async waiting(heads: Heads): Promise<RestoreRow | undefined> {
    const [row] = await this.database.query<RestoreRow>(OF_HEADS, columnsOf(heads));
    return row;
  }

  /** Holds the row until the transaction ends. */
  async hold(sql: Sql, heads: Heads): Promise<RestoreRow | undefined> {
    const [row] = await sql.query<RestoreRow>(`${OF_HEADS} FOR UPDATE`, columnsOf(heads));
    return row;
  }

  async make(sql: Sql, heads: Heads, reason: string, askedBy: string): Promise<void> {
    const id = randomUUID();
    await sql.query(
      `INSERT INTO restore_acceptances (id, anchored_size, anchored_root, log_size, log_root, reason, asked_by, expires_at)
       VALUES ($5::uuid, $1, $2, $3, $4, $6, $7::uuid, now() + make_interval(hours => ${WAIT_HOURS}))`,
      [...columnsOf(heads), id, reason, askedBy],
    );
    await sealRows(sql, this.seals, 'restore_acceptances', [id]);
  }

  async approve(sql: Sql, id: string, by: string): Promise<void> {
    await sql.query(`UPDATE restore_acceptances SET approved_by = $2::uuid, decided_at = now() WHERE id = $1::uuid`, [
      id,
      by,
    ]);
  }

  /** The anchors have begun anew. */
  async finish(id: string): Promise<void> {
    await this.database.query(
      'UPDATE restore_acceptances SET used_at = now() WHERE id = $1::uuid AND used_at IS NULL',
      [id],
    );
  }

  async rolesOf(sql: Sql, userId: string): Promise<{ isAdmin: boolean; isAuditor: boolean }> {
    const [row] = await sql.query<{ isAdmin: boolean; isAuditor: boolean }>(
      `SELECT 'org_admin' = ANY (farm_roles) AS "isAdmin",
              EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id AND m.role = 'compliance_auditor') AS "isAuditor"
         FROM users u WHERE id = $1::uuid AND disabled_at IS NULL`,
      [userId],
    );
    return row ?? { isAdmin: false, isAuditor: false };
  }
}
