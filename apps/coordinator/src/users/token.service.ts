import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { RouteInput, RouteOutput } from '@understudy/contracts';
import { type Database, hashTokenSecret, newTokenSecret } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound, requireOn } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { pageArguments, pageOf } from '../platform/paging.js';
import { type Clock, CLOCK, CONFIG, DATABASE } from '../platform/tokens.js';

/**
 * A token made with another token ends no later than that one: a stolen one does not live on in its children. It was opened
 * with a second factor where the other was.
 */
const INSERT = `
  INSERT INTO tokens (id, kind, hash, name, user_id, second_factor, expires_at)
  SELECT $1::uuid, 'api', $2, $3, $4::uuid, second_factor,
         least(now() + make_interval(days => $5), CASE WHEN kind = 'api' THEN expires_at END)
  FROM tokens WHERE id = $6::uuid AND revoked_at IS NULL
  RETURNING expires_at AS "expiresAt"`;

/** API tokens, shown once and kept as a hash, and the list of them and of sessions. */
@Injectable()
export class TokenService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly audit: AuditWriter,
  ) {}

  async create(actor: Actor, body: RouteInput<'createToken'>['body']): Promise<RouteOutput<'createToken'>> {
    requireOn(actor, 'create', 'Token', { userId: actor.id });
    const secret = newTokenSecret('api');
    const id = randomUUID();
    const expiresAt = await this.database.hotTransaction(async (sql) => {
      const params = [id, hashTokenSecret(secret), body.name, actor.id, body.validDays, actor.token.id];
      const [row] = await sql.query<{ expiresAt: Date }>(INSERT, params);
      if (row === undefined) throw notFound('token');
      await this.note(sql, actor, 'token.created', id, { expiresAt: row.expiresAt.toISOString() });
      return row.expiresAt;
    });
    return { id, secret, expiresAt: expiresAt.toISOString() };
  }

  /** What of the actor's own holds, sessions too. */
  async list(actor: Actor, query: RouteInput<'listTokens'>['query']): Promise<RouteOutput<'listTokens'>> {
    const { where, ...page } = pageArguments(query);
    const now = this.clock.now();
    const idleSince = new Date(now.getTime() - this.config.SESSION_IDLE_MINUTES * 60_000);
    const awake = { OR: [{ lastUsedAt: { gt: idleSince } }, { lastUsedAt: null, createdAt: { gt: idleSince } }] };
    const holds = {
      userId: actor.id,
      revokedAt: null,
      AND: [{ OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] }, { OR: [{ kind: 'api' as const }, awake] }],
    };
    const mine = accessibleTo(actor.ability, 'read', 'Token');
    const rows = await this.database.prisma.token.findMany({ where: { AND: [mine, holds, where] }, ...page });
    return pageOf(rows, query, ({ id, kind, name, createdAt, lastUsedAt, expiresAt, secondFactor }) => ({
      id,
      kind: kind === 'session' ? ('session' as const) : ('api' as const),
      name,
      createdAt: createdAt.toISOString(),
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
      expiresAt: expiresAt?.toISOString() ?? null,
      secondFactor,
      current: id === actor.token.id,
    }));
  }

  /** @throws UnderstudyError NOT_FOUND */
  async revoke(actor: Actor, tokenId: string): Promise<void> {
    const mine = accessibleTo(actor.ability, 'revoke', 'Token');
    await this.database.transaction(async (tx) => {
      const { count } = await tx.prisma.token.updateMany({
        where: { AND: [mine, { id: tokenId, revokedAt: null }] },
        data: { revokedAt: this.clock.now() },
      });
      if (count === 0) throw notFound('token');
      await this.note(tx, actor, 'token.revoked', tokenId, {});
    });
  }

  private async note(
    sql: Parameters<AuditWriter['append']>[0],
    actor: Actor,
    action: string,
    subjectId: string,
    data: Record<string, unknown>,
  ): Promise<void> {
    await this.audit.append(sql, { actor: actor.label, action, subjectType: 'Token', subjectId, data });
  }
}
