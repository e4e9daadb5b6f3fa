import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';

/** From the button to the session. */
export const FLOW_MINUTES = 10;

export interface NewFlow {
  readonly id: string;
  /** Of the secret that only this browser has. */
  readonly browserHash: string;
  readonly stateHash: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly invitationHash: string | null;
}

export type TakenFlow = Pick<NewFlow, 'id' | 'nonce' | 'verifier' | 'invitationHash'>;

const OPEN = 'expires_at > now() AND ended_at IS NULL';

@Injectable()
export class SingleSignOnRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async begin({ id, browserHash, stateHash, nonce, verifier, invitationHash }: NewFlow): Promise<void> {
    await this.database.query('DELETE FROM single_sign_ons WHERE expires_at < now()');
    await this.database.query(
      `INSERT INTO single_sign_ons (id, browser_hash, state_hash, nonce, verifier, invitation_hash, expires_at)
       VALUES ($1::uuid, $2, $3, $4, $5, $6, now() + make_interval(mins => ${FLOW_MINUTES}))`,
      [id, browserHash, stateHash, nonce, verifier, invitationHash],
    );
  }

  /** Once, by the browser that began it. */
  async take(browserHash: string, stateHash: string): Promise<TakenFlow | undefined> {
    const [row] = await this.database.query<TakenFlow>(
      `UPDATE single_sign_ons SET taken_at = now()
       WHERE browser_hash = $1 AND state_hash = $2 AND taken_at IS NULL AND ${OPEN}
       RETURNING id, nonce, verifier, invitation_hash AS "invitationHash"`,
      [browserHash, stateHash],
    );
    return row;
  }

  /** Whose code it now waits for. */
  async awaitCode(id: string, userId: string): Promise<void> {
    await this.database.query('UPDATE single_sign_ons SET user_id = $2::uuid WHERE id = $1::uuid', [id, userId]);
  }

  async awaiting(browserHash: string): Promise<{ id: string; userId: string } | undefined> {
    const [row] = await this.database.query<{ id: string; userId: string }>(
      `SELECT id, user_id AS "userId" FROM single_sign_ons
       WHERE browser_hash = $1 AND user_id IS NOT NULL AND ${OPEN}`,
      [browserHash],
    );
    return row;
  }

  /** @returns false when somebody else ended it */
  async end(id: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE single_sign_ons SET ended_at = now() WHERE id = $1::uuid AND ${OPEN} RETURNING id`,
      [id],
    );
    return rows.length === 1;
  }

  /** Whom the provider's account lets in here: never found by an address of mail. */
  async userOf(issuer: string, subject: string): Promise<string | undefined> {
    const [row] = await this.database.query<{ id: string }>(
      `SELECT u.id FROM provider_accounts p JOIN users u ON u.id = p.user_id AND u.disabled_at IS NULL
       WHERE p.issuer = $1 AND p.subject = $2`,
      [issuer, subject],
    );
    return row?.id;
  }

  /** @returns false where the provider's account lets in somebody already */
  async bind(sql: Sql, issuer: string, subject: string, userId: string): Promise<boolean> {
    const rows = await sql.query(
      `INSERT INTO provider_accounts (issuer, subject, user_id) VALUES ($1, $2, $3::uuid)
       ON CONFLICT DO NOTHING RETURNING user_id`,
      [issuer, subject, userId],
    );
    return rows.length === 1;
  }
}
