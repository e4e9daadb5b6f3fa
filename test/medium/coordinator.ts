import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import {
  type AuditEvent,
  type ErrorBody,
  type FarmRole,
  type ProjectRole,
  type RouteName,
  type RouteOutput,
  ROUTES,
} from '@understudy/contracts';
import { type Database, hashTokenSecret, newTokenSecret, openDatabase } from '@understudy/db';
import { type Config, parseConfig } from '../../apps/coordinator/src/config/config.js';
import { createCoordinator } from '../../apps/coordinator/src/coordinator.js';
import { createLogger } from '../../apps/coordinator/src/platform/logger.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { OwnerDatabase } from './owner-database.js';

export interface TestPerson {
  readonly id: string;
  readonly token: string;
}

/** As the setup does it. */
async function setAccounts(ownerUrl: string, accounts: string): Promise<void> {
  const owner = openDatabase(ownerUrl, { maxConnections: 1 });
  await owner.query(
    `INSERT INTO farm_settings (name, value) VALUES ('accounts', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    [accounts],
  );
  await owner.close();
}

/** A coordinator over a database of its own, listening on a free port. */
export class TestCoordinator {
  private constructor(
    readonly app: NestExpressApplication,
    readonly url: string,
    readonly config: Config,
    /** As the owner: it may do what the running service may not. */
    readonly owner: OwnerDatabase,
    /** As the running service. */
    readonly runtime: Database,
    private readonly database: TestDatabase,
  ) {}

  static async start(
    settings: Record<string, string> = {},
    clock?: { now(): Date },
    given?: TestDatabase,
  ): Promise<TestCoordinator> {
    const database = given ?? (await createTestDatabase());
    const config = parseConfig({
      DATABASE_URL: database.runtimeUrl,
      DATA_DIR: await mkdtemp(join(tmpdir(), 'coordinator-')),
      SECRET_KEY: randomBytes(32).toString('hex'),
      PORT: '0',
      LOG_LEVEL: 'silent',
      ALLOW_LOCAL_PROFILE: 'true',
      // What a spec says of accounts it says itself.
      ACCOUNTS: 'simple',
      SIGN_IN_TRIES: '1000',
      ...settings,
    });
    await setAccounts(database.ownerUrl, config.ACCOUNTS);
    const app = await createCoordinator(config, createLogger(config.LOG_LEVEL), clock);
    await app.listen(0, config.HOST);
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
    const url = `http://${config.HOST}:${port}`;
    return new TestCoordinator(
      app,
      url,
      config,
      OwnerDatabase.open(database.ownerUrl, config.SECRET_KEY),
      openDatabase(database.runtimeUrl),
      database,
    );
  }

  /** Ends it, and leaves its database and its data folder. */
  async halt(): Promise<void> {
    await this.app.close();
    await this.owner.close();
    await this.runtime.close();
  }

  async stop(): Promise<void> {
    await this.halt();
    await this.database.drop();
    await rm(this.config.DATA_DIR, { recursive: true, force: true });
  }

  /** One request; a body that is no Buffer goes as JSON. */
  async send(
    method: string,
    path: string,
    options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const { token, body, headers = {} } = options;
    const raw = Buffer.isBuffer(body);
    return fetch(this.url + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': raw ? 'application/octet-stream' : 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? new Uint8Array(body) : JSON.stringify(body) }),
    });
  }

  /** The answer's JSON, whatever its status. */
  async json<Body = unknown>(
    ...request: Parameters<TestCoordinator['send']>
  ): Promise<{ status: number; body: Body & Partial<ErrorBody> }> {
    const response = await this.send(...request);
    return { status: response.status, body: (await response.json()) as Body & Partial<ErrorBody> };
  }

  /** One route of the table, as somebody. */
  call<Name extends RouteName>(
    name: Name,
    token: string | undefined,
    input: { params?: Record<string, string>; query?: Record<string, string>; body?: unknown } = {},
  ): Promise<{ status: number; body: RouteOutput<Name> & Partial<ErrorBody> }> {
    const { method, path } = ROUTES[name];
    const filled = path.replaceAll(/:(\w+)/g, (_, key: string) => input.params?.[key] ?? '');
    const query = new URLSearchParams(input.query).toString();
    return this.json<RouteOutput<Name>>(method, query === '' ? filled : `${filled}?${query}`, {
      ...(token === undefined ? {} : { token }),
      ...(input.body === undefined ? {} : { body: input.body }),
    });
  }

  async addUser(farmRoles: FarmRole[] = []): Promise<TestPerson> {
    const id = randomUUID();
    await this.owner.query(`INSERT INTO users (id, name, email, farm_roles) VALUES ($1, $2, $3, $4::farm_role[])`, [
      id,
      `Person ${id.slice(0, 8)}`,
      `${id}@example.org`,
      farmRoles,
    ]);
    return { id, token: await this.addToken('api', id) };
  }

  async addWorker(): Promise<TestPerson> {
    const [id, by] = [randomUUID(), randomUUID()];
    await this.owner.query('INSERT INTO workers (id, name, created_by) VALUES ($1, $2, $3)', [id, `worker ${id}`, by]);
    return { id, token: await this.addToken('worker', id) };
  }

  async addProject(profile: 'farm' | 'local' = 'farm', leastLevel = 'L1'): Promise<string> {
    const id = randomUUID();
    await this.owner.query(
      `INSERT INTO projects (id, name, profile, least_level) VALUES ($1, $2, $3::project_profile, $4::consent_level)`,
      [id, `Project ${id.slice(0, 8)}`, profile, leastLevel],
    );
    return id;
  }

  async addMember(projectId: string, role: ProjectRole): Promise<TestPerson> {
    const person = await this.addUser();
    await this.grant(projectId, person.id, role);
    return person;
  }

  async grant(projectId: string, userId: string, role: ProjectRole): Promise<void> {
    await this.owner.query(
      'INSERT INTO memberships (project_id, user_id, role, granted_by) VALUES ($1, $2, $3::project_role, $2)',
      [projectId, userId, role],
    );
  }

  /** Newest audit events first, as they were hashed. */
  async audit(action: string): Promise<AuditEvent[]> {
    const rows = await this.owner.query<{ canonical: string }>(
      'SELECT canonical FROM audit_events WHERE action = $1 ORDER BY sequence DESC',
      [action],
    );
    return rows.map((row) => JSON.parse(row.canonical) as AuditEvent);
  }

  private async addToken(kind: 'api' | 'worker', ownerId: string): Promise<string> {
    const secret = newTokenSecret(kind);
    await this.owner.query(
      `INSERT INTO tokens (id, kind, hash, name, user_id, worker_id, expires_at)
       VALUES ($1, $2::token_kind, $3, 'test', $4, $5, now() + interval '1 day')`,
      [
        randomUUID(),
        kind,
        hashTokenSecret(secret),
        kind === 'api' ? ownerId : null,
        kind === 'worker' ? ownerId : null,
      ],
    );
    return secret;
  }
}
