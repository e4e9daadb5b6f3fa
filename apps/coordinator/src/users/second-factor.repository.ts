import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';

/** A new secret that nobody confirms is forgotten. */
const PENDING_MINUTES = 15;

@Injectable()
export class SecondFactorRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** The sealed secret that counts. */
  async confirmed(userId: string): Promise<Buffer | null> {
    const [row] = await this.database.query<{ sealed: Buffer | null }>(
      'SELECT sealed FROM second_factors WHERE user_id = $1::uuid',
      [userId],
    );
    return row?.sealed ?? null;
  }

  async pending(userId: string): Promise<Buffer | null> {
    const [row] = await this.database.query<{ pending: Buffer | null }>(
      'SELECT pending FROM second_factors WHERE user_id = $1::uuid AND pending_until > now()',
      [userId],
    );
    return row?.pending ?? null;
  }

  async keepPending(sql: Sql, userId: string, sealed: Uint8Array): Promise<void> {
    await sql.query(
      `INSERT INTO second_factors (user_id, pending, pending_until)
       VALUES ($1::uuid, $2, now() + make_interval(mins => ${PENDING_MINUTES}))
       ON CONFLICT (user_id) DO UPDATE SET pending = excluded.pending, pending_until = excluded.pending_until`,
      [userId, sealed],
    );
  }

  /** @returns false when it is no longer what is pending */
  async confirm(sql: Sql, userId: string, pending: Uint8Array, step: number): Promise<boolean> {
    const rows = await sql.query(
      `UPDATE second_factors SET sealed = pending, pending = NULL, pending_until = NULL, last_step = $3, confirmed_at = now()
       WHERE user_id = $1::uuid AND pending = $2 RETURNING user_id`,
      [userId, pending, step],
    );
    return rows.length === 1;
  }

  /** Uses a step up. @returns false when it, or a later one, was used before */
  async takeStep(userId: string, step: number): Promise<boolean> {
    const rows = await this.database.query(
      'UPDATE second_factors SET last_step = $2 WHERE user_id = $1::uuid AND last_step < $2 RETURNING user_id',
      [userId, step],
    );
    return rows.length === 1;
  }

  async takeRecoveryCode(sql: Sql, userId: string, hash: string): Promise<boolean> {
    const rows = await sql.query(
      `UPDATE recovery_codes SET used_at = now() WHERE user_id = $1::uuid AND hash = $2 AND used_at IS NULL RETURNING hash`,
      [userId, hash],
    );
    return rows.length === 1;
  }

  async replaceRecoveryCodes(sql: Sql, userId: string, hashes: readonly string[]): Promise<void> {
    await sql.query('DELETE FROM recovery_codes WHERE user_id = $1::uuid', [userId]);
    await sql.query('INSERT INTO recovery_codes (user_id, hash) SELECT $1::uuid, unnest($2::text[])', [userId, hashes]);
  }

  /** Sessions and tokens that were opened with it count no more than any other. */
  async remove(sql: Sql, userId: string): Promise<void> {
    await sql.query('DELETE FROM recovery_codes WHERE user_id = $1::uuid', [userId]);
    await sql.query('DELETE FROM second_factors WHERE user_id = $1::uuid', [userId]);
    await sql.query('UPDATE tokens SET second_factor = false WHERE user_id = $1::uuid AND second_factor', [userId]);
  }
}
