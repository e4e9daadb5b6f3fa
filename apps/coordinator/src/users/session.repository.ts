import { Inject, Injectable } from '@nestjs/common';
import type { ProjectRole } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import { DATABASE } from '../platform/tokens.js';

/** Wrong passwords in a row until an account is locked, and for how long. */
export const MOST_FAILURES = 5;
export const LOCK_MINUTES = 15;
export const SESSION_HOURS = 12;
/** For so long a session counts as just opened. */
export const FRESH_MINUTES = 5;

/**
 * A try is counted before its password is looked at, so that many at once are not more tries than many in a row. The
 * last one allowed locks the account; the right password opens it again. A break-glass account is never locked: everybody knows
 * its address, nobody guesses 240 bits, and it is for the day when somebody keeps the others out.
 */
const COUNT_TRY = `
  UPDATE users SET
    failed_sign_ins = CASE WHEN locked_until IS NULL THEN failed_sign_ins ELSE 0 END + 1,
    locked_until = CASE WHEN CASE WHEN locked_until IS NULL THEN failed_sign_ins ELSE 0 END + 1 >= $2
                     AND NOT EXISTS (SELECT FROM break_glass b WHERE b.user_id = users.id)
                   THEN now() + make_interval(mins => $3) END
  WHERE email = $1 AND disabled_at IS NULL AND (locked_until IS NULL OR locked_until <= now())
  RETURNING id, password_hash AS "passwordHash"`;

export interface NewSession {
  readonly id: string;
  readonly userId: string;
  readonly hash: string;
  readonly secondFactor: boolean;
}

@Injectable()
export class SessionRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** @returns undefined for nobody, somebody disabled and an account that is locked, alike */
  async countTry(email: string): Promise<{ id: string; passwordHash: string | null } | undefined> {
    const [row] = await this.database.query<{ id: string; passwordHash: string | null }>(COUNT_TRY, [
      email,
      MOST_FAILURES,
      LOCK_MINUTES,
    ]);
    return row;
  }

  /** A try that was no guess. A lock that the guesses before it have earned stays. */
  async uncountTry(userId: string): Promise<void> {
    await this.database.query(
      `UPDATE users SET failed_sign_ins = greatest(failed_sign_ins - 1, 0),
              locked_until = CASE WHEN failed_sign_ins - 1 >= $2 THEN locked_until END WHERE id = $1::uuid`,
      [userId, MOST_FAILURES],
    );
  }

  async forgetTries(userId: string): Promise<void> {
    await this.database.query('UPDATE users SET failed_sign_ins = 0, locked_until = NULL WHERE id = $1::uuid', [
      userId,
    ]);
  }

  async open(sql: Sql, session: NewSession): Promise<void> {
    await sql.query(
      `INSERT INTO tokens (id, kind, hash, name, user_id, second_factor, last_used_at, expires_at)
       VALUES ($1::uuid, 'session', $2, 'console', $3::uuid, $5, now(), now() + make_interval(hours => $4))`,
      [session.id, session.hash, session.userId, SESSION_HOURS, session.secondFactor],
    );
  }

  /**
   * The same session under a new secret, from now on with a second factor; it ends no later than before.
   *
   * @returns false when it has ended meanwhile
   */
  async raise(sql: Sql, tokenId: string, hash: string): Promise<boolean> {
    const rows = await sql.query(
      `UPDATE tokens SET hash = $2, second_factor = true
       WHERE id = $1::uuid AND kind = 'session' AND revoked_at IS NULL RETURNING id`,
      [tokenId, hash],
    );
    return rows.length === 1;
  }

  /** Sessions and API tokens of somebody. @returns how many */
  async closeAll(sql: Sql, userId: string): Promise<number> {
    const rows = await sql.query(
      `UPDATE tokens SET revoked_at = now()
       WHERE user_id = $1::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) RETURNING id`,
      [userId],
    );
    return rows.length;
  }

  /** Whether the account has no password, and this is a session of its that was opened just now. */
  async isFreshWithoutPassword(userId: string, tokenId: string): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT t.id FROM tokens t JOIN users u ON u.id = t.user_id AND u.password_hash IS NULL
       WHERE t.id = $1::uuid AND t.user_id = $2::uuid AND t.kind = 'session'
         AND t.created_at > now() - make_interval(mins => ${FRESH_MINUTES})`,
      [tokenId, userId],
    );
    return rows.length === 1;
  }

  async setPassword(sql: Sql, userId: string, passwordHash: string): Promise<void> {
    await sql.query('UPDATE users SET password_hash = $2 WHERE id = $1::uuid', [userId, passwordHash]);
  }

  async close(sql: Sql, tokenId: string): Promise<void> {
    await sql.query('UPDATE tokens SET revoked_at = now() WHERE id = $1::uuid AND revoked_at IS NULL', [tokenId]);
  }

  async email(userId: string): Promise<string> {
    return (await this.signInName(userId)).email;
  }

  async signInName(userId: string): Promise<{ email: string; hasPassword: boolean }> {
    const user = await this.database.prisma.user.findUniqueOrThrow({ where: { id: userId } });
    return { email: user.email, hasPassword: user.passwordHash !== null };
  }

  async performers(userId: string): Promise<{ performerId: string; performer: string; project: string }[]> {
    const rows = await this.database.prisma.performerAccount.findMany({
      where: { userId },
      include: { performer: { include: { project: true } } },
      orderBy: { performerId: 'asc' },
    });
    return rows.map(({ performerId, performer }) => ({
      performerId,
      performer: performer.name,
      project: performer.project.name,
    }));
  }

  async memberships(userId: string): Promise<{ projectId: string; project: string; role: ProjectRole }[]> {
    const rows = await this.database.prisma.membership.findMany({
      where: { userId },
      include: { project: true },
      orderBy: [{ projectId: 'asc' }, { role: 'asc' }],
    });
    return rows.map(({ projectId, project, role }) => ({ projectId, project: project.name, role }));
  }
}
