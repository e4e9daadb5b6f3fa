import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Database, Sql } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';

export const SESSION_SECONDS = 900;
const CHALLENGE_SECONDS = 60;
/** A token that somebody found must not fill the table with keys. */
const MOST_WAITING = 10;

export interface ShownKey {
  readonly id: string;
  readonly fingerprint: string;
  readonly isApproved: boolean;
  readonly isRevoked: boolean;
  /** Not seen before. */
  readonly isNew: boolean;
}

/** A worker's first key is its own where its token came from the farm's owner, or where one person runs the farm. */
const SHOW = `
  WITH held AS (SELECT id, needs_approval FROM workers WHERE id = $2::uuid),
  others AS (SELECT count(*) FILTER (WHERE approved_at IS NULL AND revoked_at IS NULL) AS waiting, count(*) AS n
             FROM worker_keys WHERE worker_id = $2::uuid),
  made AS (
    INSERT INTO worker_keys (id, worker_id, public_key, fingerprint, approved_at)
    SELECT $1::uuid, held.id, $3, $4, CASE WHEN $5 OR (NOT held.needs_approval AND others.n = 0) THEN now() END
    FROM held, others WHERE others.waiting < ${MOST_WAITING}
    ON CONFLICT (worker_id, public_key) DO NOTHING
    RETURNING id, approved_at, revoked_at)
  SELECT id, approved_at IS NOT NULL AS "isApproved", false AS "isRevoked", true AS "isNew" FROM made
  UNION ALL
  SELECT id, approved_at IS NOT NULL, revoked_at IS NOT NULL, false FROM worker_keys
  WHERE worker_id = $2::uuid AND public_key = $3`;

@Injectable()
export class WorkerSessionRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async challenge(workerId: string): Promise<string> {
    const id = randomUUID();
    await this.database.query('DELETE FROM worker_challenges WHERE expires_at < now()');
    await this.database.query(
      `INSERT INTO worker_challenges (id, worker_id, expires_at)
       VALUES ($1::uuid, $2::uuid, now() + make_interval(secs => ${CHALLENGE_SECONDS}))`,
      [id, workerId],
    );
    return id;
  }

  /** Once. */
  async takeChallenge(id: string, workerId: string): Promise<boolean> {
    const rows = await this.database.query(
      'DELETE FROM worker_challenges WHERE id = $1::uuid AND worker_id = $2::uuid AND expires_at > now() RETURNING id',
      [id, workerId],
    );
    return rows.length === 1;
  }

  /** @returns undefined where too many keys of this worker wait already */
  async show(sql: Sql, workerId: string, publicKey: string, isOnePersons: boolean): Promise<ShownKey | undefined> {
    const fingerprint = createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex');
    // One after the other: only one key of them is the first.
    await sql.query('SELECT id FROM workers WHERE id = $1::uuid FOR UPDATE', [workerId]);
    const params = [randomUUID(), workerId, publicKey, fingerprint, isOnePersons];
    const [row] = await sql.query<Omit<ShownKey, 'fingerprint'>>(SHOW, params);
    return row === undefined ? undefined : { ...row, fingerprint };
  }

  async open(sql: Sql, workerId: string, keyId: string, hash: string): Promise<void> {
    await sql.query(
      `INSERT INTO tokens (id, kind, hash, name, worker_id, key_id, expires_at)
       VALUES ($1::uuid, 'worker', $2, 'session', $3::uuid, $4::uuid, now() + make_interval(secs => ${SESSION_SECONDS}))`,
      [randomUUID(), hash, workerId, keyId],
    );
  }

  /** Sessions that ended are remembered by nobody. */
  async sweep(): Promise<void> {
    await this.database.query(`DELETE FROM tokens WHERE key_id IS NOT NULL AND expires_at < now() - interval '1 hour'`);
  }
}
