import { randomUUID } from 'node:crypto';
import { appendAuditEvent, type NewAuditEvent } from './audit-event.js';
import { openDatabase } from './database.js';
import { RecordSeals } from './seals/record-seals.js';
import { sealRows } from './seals/seal-rows.js';
import type { Sql } from './sql.js';
import { hashTokenSecret, newTokenSecret } from './tokens.js';

export interface BootstrapPerson {
  name: string;
  email: string;
  /** argon2id; absent for somebody who only uses tokens. */
  passwordHash?: string;
  /** Default: org_admin. */
  farmRoles?: readonly ('org_admin' | 'farm_operator')[];
}

export interface BootstrapFarm {
  user: BootstrapPerson;
  /** The second pair of eyes: by themselves, the first could give nobody a role that releases or grants. */
  second?: BootstrapPerson;
  /** `simple`: one person is enough to give such a role. Default: strict. */
  accounts?: 'strict' | 'simple';
  /** `token`: a secret that was made elsewhere (`usw_` and at least 32 hex digits), instead of a new one. */
  worker: { name: string; token?: string };
  /** The coordinator's `SECRET_KEY`, under which the person's roles are sealed; without it its first start does that. */
  secretKey?: string | undefined;
  /** How long both tokens hold; default 30 days. */
  validDays?: number;
}

export interface BootstrappedFarm {
  userId: string;
  /** Secrets are given out here and never kept. */
  userToken: string;
  workerId: string;
  workerToken: string;
}

async function addToken(
  sql: Sql,
  owner: { kind: 'api'; userId: string } | { kind: 'worker'; workerId: string },
  validDays: number,
  given?: string,
): Promise<string> {
  const secret = given ?? newTokenSecret(owner.kind);
  await sql.query(
    `INSERT INTO tokens (id, kind, hash, name, user_id, worker_id, expires_at)
     VALUES ($1, $2::token_kind, $3, 'bootstrap', $4, $5, now() + make_interval(days => $6))
     ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at`,
    [
      randomUUID(),
      owner.kind,
      hashTokenSecret(secret),
      owner.kind === 'api' ? owner.userId : null,
      owner.kind === 'worker' ? owner.workerId : null,
      validDays,
    ],
  );
  return secret;
}

interface Made {
  id: string;
  /** Not there before. */
  made: boolean;
}

/** The first of a farm were made by whoever owns its database; the log says so. */
async function note(sql: Sql, event: Omit<NewAuditEvent, 'actor'>): Promise<void> {
  await appendAuditEvent(sql, { ...event, actor: 'bootstrap' }, new Date());
}

async function addPerson(
  sql: Sql,
  { name, email, passwordHash, farmRoles = ['org_admin'] }: BootstrapPerson,
  secretKey: string | undefined,
): Promise<string> {
  const [person] = await sql.query<Made>(
    `INSERT INTO users (id, name, email, password_hash, farm_roles) VALUES ($1, $2, $3, $4, $5::farm_role[])
     ON CONFLICT (email) DO UPDATE SET password_hash = coalesce(excluded.password_hash, users.password_hash)
     RETURNING id, xmax = 0 AS made`,
    [randomUUID(), name, email, passwordHash ?? null, farmRoles],
  );
  const { id, made } = person!;
  if (made && secretKey !== undefined) await sealRows(sql, new RecordSeals(secretKey), 'users', [id]);
  if (made) await note(sql, { action: 'user.created', subjectType: 'User', subjectId: id, data: { farmRoles } });
  return id;
}

/** The first person and the first worker of a farm, with a new token each. Run again, it keeps both and gives new tokens. */
export async function bootstrapFarm(ownerUrl: string, options: BootstrapFarm): Promise<BootstrappedFarm> {
  const { user, worker, validDays = 30 } = options;
  const database = openDatabase(ownerUrl, { maxConnections: 1 });
  try {
    return await database.hotTransaction(async (sql) => {
      await sql.query(
        `INSERT INTO farm_settings (name, value) VALUES ('accounts', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
        [options.accounts ?? 'strict'],
      );
      const userId = await addPerson(sql, user, options.secretKey);
      if (options.second !== undefined) await addPerson(sql, options.second, options.secretKey);
      const [machine] = await sql.query<Made>(
        `INSERT INTO workers (id, name, created_by) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, xmax = 0 AS made`,
        [randomUUID(), worker.name, userId],
      );
      const workerId = machine!.id;
      if (machine!.made)
        await note(sql, { action: 'worker.created', subjectType: 'Worker', subjectId: workerId, data: {} });
      return {
        userId,
        userToken: await addToken(sql, { kind: 'api', userId }, validDays),
        workerId,
        workerToken: await addToken(sql, { kind: 'worker', workerId }, validDays, worker.token),
      };
    });
  } finally {
    await database.close();
  }
}
