import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type Database, RecordSeals, sealRows, type Sql } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';

/** So long it is open, from the first sign-in on. */
export const OPEN_MINUTES = 60;
/** Its sign-in name; an address to which no mail goes (RFC 2606). */
export const BREAK_GLASS_EMAIL = 'break-glass@understudy.invalid';

export interface BreakGlassRow {
  readonly userId: string;
  readonly askedBy: string | null;
  readonly askedHalf: Buffer | null;
  readonly sealedAt: Date | null;
  readonly openedAt: Date | null;
  /** While it is open; null before, and when its time is over. */
  readonly openUntil: Date | null;
}

const END = `opened_at + make_interval(mins => ${OPEN_MINUTES})`;
const SELECT = `
  SELECT user_id AS "userId", asked_by AS "askedBy", asked_half AS "askedHalf", sealed_at AS "sealedAt",
         opened_at AS "openedAt", CASE WHEN ${END} > now() THEN ${END} END AS "openUntil"
  FROM break_glass`;

@Injectable()
export class BreakGlassRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly seals: RecordSeals,
  ) {}

  async get(): Promise<BreakGlassRow | undefined> {
    const [row] = await this.database.query<BreakGlassRow>(SELECT);
    return row;
  }

  /** An account without a role and without a password, and so of no use before it is sealed. @returns its id */
  async make(sql: Sql, by: string): Promise<string> {
    const id = randomUUID();
    await sql.query(`INSERT INTO users (id, name, email, created_by) VALUES ($1::uuid, 'break-glass', $2, $3::uuid)`, [
      id,
      BREAK_GLASS_EMAIL,
      by,
    ]);
    await sealRows(sql, this.seals, 'users', [id]);
    await sql.query('INSERT INTO break_glass (user_id) VALUES ($1::uuid)', [id]);
    return id;
  }

  /** The farm's only one, held until the transaction ends. */
  async hold(sql: Sql): Promise<BreakGlassRow | undefined> {
    const [row] = await sql.query<BreakGlassRow>(`${SELECT} FOR UPDATE`);
    return row;
  }

  async open(sql: Sql, userId: string): Promise<void> {
    await sql.query('UPDATE break_glass SET opened_at = now() WHERE user_id = $1::uuid', [userId]);
  }

  async ask(sql: Sql, userId: string, by: string, half: Uint8Array): Promise<void> {
    await sql.query(
      `UPDATE break_glass SET asked_by = $2::uuid, asked_half = $3, sealed_by = NULL WHERE user_id = $1::uuid`,
      [userId, by, half],
    );
  }

  /** Under another password; what was opened with the one before ends. */
  async seal(sql: Sql, userId: string, by: string, passwordHash: string): Promise<void> {
    await sql.query(
      `UPDATE break_glass SET sealed_by = $2::uuid, sealed_at = now(), opened_at = NULL, asked_half = NULL
       WHERE user_id = $1::uuid`,
      [userId, by],
    );
    await sql.query(
      `UPDATE users SET password_hash = $2, failed_sign_ins = 0, locked_until = NULL, disabled_at = NULL
       WHERE id = $1::uuid`,
      [userId, passwordHash],
    );
    await sql.query('UPDATE tokens SET revoked_at = now() WHERE user_id = $1::uuid AND revoked_at IS NULL', [userId]);
  }
}
